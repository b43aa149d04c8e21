"""Adds up what a report's days cost: uploaded amounts, and the prices of links by rollups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from console.rates import Rate
from console.reports.filters import Split
from console.reports.names import Names, campaign_name
from console.reports.question import Interval, Question
from console.reports.sums.conditions import OF_CAMPAIGN, OF_ORIGIN, OF_PARTNER
from console.reports.sums.levels import Levels
from console.reports.sums.rollup_sums import rate_arguments
from shared.database import Connection, run
from shared.events import Environment

_BY_COST = {Split.PARTNER, Split.LINK, Split.CAMPAIGN}

# Rollups are read only if a price depends on them.
_SPENT = f"""
WITH priced AS MATERIALIZED (
    SELECT link_id, partner_id, per, event, since, amount, currency,
           lead(since) OVER (PARTITION BY link_id, per, event ORDER BY since) AS until
    FROM link_prices JOIN links ON links.id = link_id
    WHERE app_id = %(app_id)s
), counted AS (
    SELECT
        start, link_id, campaign, per, '' AS event,
        CASE per WHEN 'click' THEN clicks ELSE impressions END AS number
    FROM {{traffic}} CROSS JOIN (VALUES ('click'), ('impression')) AS kinds (per)
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
      AND start >= %(from)s AND start < %(until)s AND part = 'seen' AND link_id <> 0
      AND {OF_ORIGIN} AND {OF_CAMPAIGN}
      AND EXISTS (SELECT FROM priced WHERE per IN ('click', 'impression'))
    UNION ALL
    SELECT
        start, link_id, campaign, CASE event WHEN '' THEN 'install' ELSE 'event' END, event,
        CASE event WHEN '' THEN installs ELSE events END
    FROM {{figures}}
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
      AND start >= %(from)s AND start < %(until)s AND link_id <> 0
      AND {OF_ORIGIN} AND {OF_CAMPAIGN}
      AND EXISTS (SELECT FROM priced WHERE per IN ('install', 'event'))
), numbers AS (
    SELECT (start AT TIME ZONE 'UTC')::date AS day, link_id, campaign, per, event,
           sum(number) AS number
    FROM counted
    GROUP BY 1, 2, 3, 4, 5
), spent AS (
    SELECT day, link_id, partner_id, '' AS source, campaign, currency, number * amount AS amount
    FROM numbers JOIN priced USING (link_id, per, event)
    WHERE day >= since AND (until IS NULL OR day < until) AND number * amount <> 0
    UNION ALL
    SELECT day, 0, partner_id, source, campaign, currency, amount
    FROM costs
    WHERE app_id = %(app_id)s AND day >= (%(from)s AT TIME ZONE 'UTC')::date
      AND day < (%(until)s AT TIME ZONE 'UTC')::date
      AND {OF_PARTNER} AND {OF_CAMPAIGN} AND NOT %(of_link)s
)
"""
_BY_DAY = f"{_SPENT} SELECT day, currency, sum(amount) FROM spent GROUP BY day, currency"
# Rates are of days, by their currency. An amount without one is in no sum of what is converted.
_BY_NAME = f"""
{_SPENT}
SELECT
    CASE WHEN %(by_day)s THEN day END, CASE WHEN %(by_link)s THEN link_id ELSE 0 END, partner_id,
    source, CASE WHEN %(by_campaign)s THEN campaign ELSE '' END, currency, sum(amount),
    coalesce(sum(amount * rate), 0), coalesce(sum(amount) FILTER (WHERE rate IS NULL), 0)
FROM spent LEFT JOIN unnest(
    %(rate_starts)s::date[], %(rate_currencies)s::text[], %(rates)s::numeric[]
) AS known (day, currency, rate) USING (day, currency)
GROUP BY 1, 2, 3, 4, 5, 6
"""


@dataclass(frozen=True)
class Spent:
    """An amount that was spent, and the names of its row in the report; `day` is None in a total.

    `converted` is what it comes to in the report's currency, without `unconverted`, the part of it
    that has no exchange rate.
    """

    day: date | None
    names: tuple[str, ...]
    currency: str
    amount: Decimal
    converted: Decimal
    unconverted: Decimal


def has_costs(question: Question) -> bool:
    """Tells whether costs are known by everything that a question asks for.

    They are of whole days and of production.
    """
    is_production = question.environment == Environment.PRODUCTION
    return question.dimensions <= _BY_COST and question.by is not Interval.HOUR and is_production


def read_daily_spending(
    connection: Connection, question: Question, levels: Levels, bounds: Mapping[str, object]
) -> list[tuple[date, str, Decimal]]:
    """Returns the day, currency and amount of all costs of a question that `has_costs`.

    What was uploaded belongs to no link and is left out where links are selected.
    """
    known = question.filters.filtered
    statement = _BY_DAY.format(figures=levels.figures_by(known), traffic=levels.traffic_by(known))
    return run(connection, statement, {**bounds, **_of_link(question)}).fetchall()


def read_spending(
    connection: Connection,
    question: Question,
    levels: Levels,
    names: Names,
    bounds: Mapping[str, object],
    rates: Mapping[tuple[date, str], Rate],
) -> Iterator[Spent]:
    """Yields the costs of each row of a question that `has_costs` and has breakdowns.

    What was uploaded has a row of its own in a report by link.
    """
    arguments = {
        **bounds,
        **_of_link(question),
        **rate_arguments(rates),
        "by_day": question.by is Interval.DAY,
        "by_link": Split.LINK in question.splits,
        "by_campaign": Split.CAMPAIGN in question.splits,
    }
    statement = _BY_NAME.format(
        figures=levels.figures_by(question.dimensions),
        traffic=levels.traffic_by(question.dimensions),
    )
    for day, link_id, partner_id, source, campaign, *sums in run(connection, statement, arguments):
        partner = names.partner_by_id(partner_id, source)
        name_of = {
            Split.PARTNER: partner,
            Split.LINK: names.link(link_id, source) if link_id else f"(no link of {partner})",
            Split.CAMPAIGN: campaign_name(partner, campaign),
        }
        yield Spent(day, tuple(name_of[split] for split in question.splits), *sums)


def _of_link(question: Question) -> dict[str, object]:
    return {"of_link": bool(question.filters.link.only)}
