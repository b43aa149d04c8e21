"""Reads the number of unique users where it was counted for exactly the question, or not at all.

Unique users are counted per event type and for all events, each split by one of: nothing, partner,
link, campaign of a partner, country. A question with another combination has no exact answer, and
neither has one of several values that its rows do not tell apart: a user may have come with two.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from console.reports.filters import Split
from console.reports.names import Names, campaign_name, country_label
from console.reports.question import Interval, Question
from console.reports.sums.conditions import OF_CAMPAIGN, OF_COUNTRY, OF_EVENT, OF_REACH_ORIGIN
from shared.database import Connection, run

_REACH = f"""
SELECT start, event, partner_id, link_id, source, campaign, country, users
FROM reach
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND NOT building AND split = %(split)s AND start >= %(from)s AND start < %(until)s
  AND (event <> '') = %(by_event)s
  AND {OF_REACH_ORIGIN} AND {OF_CAMPAIGN} AND {OF_COUNTRY} AND {OF_EVENT}
"""


def read_reach(
    connection: Connection, question: Question, names: Names, bounds: Mapping[str, object]
) -> dict[tuple[datetime, tuple[str, ...]], int]:
    """Returns the unique users of each row, by its start and names.

    The result is empty where they were not counted in this way.
    """
    split = reach_split(question)
    if split is None:
        return {}
    arguments = {**bounds, "split": split, "by_event": question.is_per_event_type}
    return {
        (start, tuple(_name(each, names, key) for each in question.splits)): users
        for start, *key, users in run(connection, _REACH, arguments)
    }


def reach_split(question: Question) -> Split | None:
    """Returns the split of `reach` that answers a question, or None if none does."""
    if question.is_of_sub_ids or (question.by is Interval.TOTAL and question.period.days > 1):
        return None
    # A filter is exact where a single value counts, or where the rows tell its values apart.
    if question.filters.filtered - question.filters.single - question.told_apart:
        return None
    dimensions = question.dimensions - {Split.EVENT}
    if not dimensions:
        return Split.NONE
    if Split.COUNTRY in dimensions:
        return Split.COUNTRY if dimensions == {Split.COUNTRY} else None
    if dimensions <= {Split.PARTNER, Split.LINK}:
        return Split.LINK if Split.LINK in dimensions else Split.PARTNER
    # Several partners may have a campaign of this name, and a user may come through two of them.
    has_partner = Split.CAMPAIGN in question.splits or Split.PARTNER in dimensions
    return Split.CAMPAIGN if has_partner and Split.LINK not in dimensions else None


def _name(split: Split, names: Names, key: Sequence[Any]) -> str:
    event, partner_id, link_id, source, campaign, country = key
    match split:
        case Split.PARTNER:
            return names.partner_by_id(partner_id, source)
        case Split.LINK:
            return names.link(link_id, source)
        case Split.CAMPAIGN:
            return campaign_name(names.partner_by_id(partner_id, source), campaign)
        case Split.COUNTRY:
            return country_label(country)
        case Split.EVENT:
            return names.event(event)
        case Split.NONE | Split.SUB_ID:
            return ""
