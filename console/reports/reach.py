"""How many different users: read where they were counted for what is asked, or not given at all.

They were counted by event type or of all, each by one of: everybody, partner, link, campaign of a
partner, country. A question that takes another cut has no exact answer in them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from console.reports.names import Names, campaign_name, country_label
from console.reports.question import By, Question, Split
from shared.database import Connection, run

_REACH = """
SELECT start, event, partner_id, link_id, source, campaign, country, users
FROM reach
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND split = %(split)s AND start >= %(from)s AND start < %(until)s
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
    """Users by start and name of a row; empty where they were not counted so."""
    split = counted_as(question)
    if split is None:
        return {}
    arguments = {**bounds, "split": split, "by_event": question.split is Split.EVENT}
    return {
        (start, _name(question.split, names, key)): users
        for start, *key, users in run(connection, _REACH, arguments)
    }


def counted_as(question: Question) -> Split | None:
    """As which split of `reach` the users of a question were counted."""
    if question.by is By.TOTAL and question.period.days > 1:
        return None
    cut = (question.filters.named | {question.split}) - {Split.NONE, Split.EVENT}
    if not cut:
        return Split.NONE
    if Split.COUNTRY in cut:
        return Split.COUNTRY if cut == {Split.COUNTRY} else None
    if cut <= {Split.PARTNER, Split.LINK}:
        return Split.LINK if Split.LINK in cut else Split.PARTNER
    # One campaign name may be that of several partners, and a user can come by two of them.
    told_apart = question.split is Split.CAMPAIGN or Split.PARTNER in cut
    return Split.CAMPAIGN if told_apart and Split.LINK not in cut else None


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
        case Split.NONE:
            return ""
