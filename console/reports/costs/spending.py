"""Adds up what a report's days cost: uploaded amounts, and the prices of links by rollups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from console.reports.filters import Split
from console.reports.names import Names, campaign_name
from console.reports.question import Interval, Question
from console.reports.sums.conditions import OF_CAMPAIGN, OF_ORIGIN, OF_PARTNER
from shared.database import Connection, run
from shared.events import Environment

_BY_COST = {Split.PARTNER, Split.LINK, Split.CAMPAIGN}

_SPENT = f"""
WITH counted AS (
    SELECT
        start, link_id, campaign, per, '' AS event,
        CASE per WHEN 'click' THEN clicks ELSE impressions END AS number
    FROM traffic CROSS JOIN (VALUES ('click'), ('impression')) AS kinds (per)
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
      AND start >= %(from)s AND start < %(until)s AND part = 'seen' AND link_id <> 0
      AND {OF_ORIGIN} AND {OF_CAMPAIGN}
    UNION ALL
    SELECT
        start, link_id, campaign, CASE event WHEN '' THEN 'install' ELSE 'event' END, event,
        CASE event WHEN '' THEN installs ELSE events END
    FROM figures
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
      AND start >= %(from)s AND start < %(until)s AND link_id <> 0
      AND {OF_ORIGIN} AND {OF_CAMPAIGN}
), numbers AS (
    SELECT (start AT TIME ZONE 'UTC')::date AS day, link_id, campaign, per, event,
           sum(number) AS number
    FROM counted
    WHERE link_id IN (SELECT link_id FROM link_prices)
    GROUP BY 1, 2, 3, 4, 5
), priced AS (
    SELECT *, lead(since) OVER (PARTITION BY link_id, per, event ORDER BY since) AS until
    FROM link_prices
)
SELECT day, NULL::bigint AS partner_id, link_id, '' AS source, campaign, currency,
       sum(number * amount)
FROM numbers JOIN priced USING (link_id, per, event)
WHERE day >= since AND (until IS NULL OR day < until) AND number * amount <> 0
GROUP BY 1, 2, 3, 4, 5, 6
UNION ALL
SELECT day, partner_id, 0, source, campaign, currency, amount
FROM costs
WHERE app_id = %(app_id)s AND day >= (%(from)s AT TIME ZONE 'UTC')::date
  AND day < (%(until)s AT TIME ZONE 'UTC')::date
  AND {OF_PARTNER} AND {OF_CAMPAIGN} AND NOT %(of_link)s
"""


@dataclass(frozen=True)
class Spent:
    """An amount that was spent on a day, and the names of its row in the report."""

    day: date
    names: tuple[str, ...]
    currency: str
    amount: Decimal


def has_costs(question: Question) -> bool:
    """Tells whether costs are known by everything that a question asks for.

    They are of whole days and of production.
    """
    is_production = question.environment == Environment.PRODUCTION
    return question.dimensions <= _BY_COST and question.by is not Interval.HOUR and is_production


def read_spending(
    connection: Connection, question: Question, names: Names, bounds: Mapping[str, object]
) -> Iterator[Spent]:
    """Yields the costs of a question that `has_costs`.

    What was uploaded belongs to no link: it has a row of its own in a report by link, and is left
    out where links are selected.
    """
    arguments = {**bounds, "of_link": bool(question.filters.link.only)}
    for day, partner_id, link_id, source, campaign, currency, amount in run(
        connection, _SPENT, arguments
    ):
        partner = (
            names.partner(link_id, source) if link_id else names.partner_by_id(partner_id, source)
        )
        name_of = {
            Split.PARTNER: partner,
            Split.LINK: names.link(link_id, source) if link_id else f"(no link of {partner})",
            Split.CAMPAIGN: campaign_name(partner, campaign),
        }
        yield Spent(day, tuple(name_of[split] for split in question.splits), currency, amount)
