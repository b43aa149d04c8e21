"""Reads the number of unique users where it was counted for exactly the question, or not at all.

Unique users are counted per event type and for all events, each split by one of: nothing, partner,
link, campaign of a partner, country. A question with another combination has no exact answer.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from console.reports.names import Names, campaign_name, country_label
from console.reports.question import Interval, Question, Split
from shared.database import Connection, run

_REACH = """
SELECT start, event, partner_id, link_id, source, campaign, country, users
FROM reach
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND NOT building AND split = %(split)s AND start >= %(from)s AND start < %(until)s
  AND CASE WHEN %(by_event)s THEN event <> '' ELSE event = coalesce(%(event)s, '') END
  AND (%(event)s::text IS NULL OR event = %(event)s)
  AND (%(partner_id)s::bigint IS NULL OR (partner_id, source) = (%(partner_id)s, %(source)s))
  AND (split <> 'link' OR %(link_ids)s::bigint[] IS NULL OR link_id = ANY(%(link_ids)s))
  AND (%(campaign)s::text IS NULL OR campaign = %(campaign)s)
  AND (%(country)s::text IS NULL OR country = %(country)s)
"""


def read_reach(
    connection: Connection, question: Question, names: Names, bounds: Mapping[str, object]
) -> dict[tuple[datetime, str], int]:
    """Returns the unique users of each row, by its start and name.

    The result is empty where they were not counted in this way.
    """
    split = reach_split(question)
    if split is None:
        return {}
    arguments = {**bounds, "split": split, "by_event": question.split is Split.EVENT}
    return {
        (start, _name(question.split, names, key)): users
        for start, *key, users in run(connection, _REACH, arguments)
    }


def reach_split(question: Question) -> Split | None:
    """Returns the split of `reach` that answers a question, or None if none does."""
    if question.is_of_sub_ids or (question.by is Interval.TOTAL and question.period.days > 1):
        return None
    splits = (question.filters.filtered | {question.split}) - {Split.NONE, Split.EVENT}
    if not splits:
        return Split.NONE
    if Split.COUNTRY in splits:
        return Split.COUNTRY if splits == {Split.COUNTRY} else None
    if splits <= {Split.PARTNER, Split.LINK}:
        return Split.LINK if Split.LINK in splits else Split.PARTNER
    # Several partners may have a campaign of this name, and a user may come through two of them.
    has_partner = question.split is Split.CAMPAIGN or Split.PARTNER in splits
    return Split.CAMPAIGN if has_partner and Split.LINK not in splits else None


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
