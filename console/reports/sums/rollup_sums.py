"""Adds rollups up in PostgreSQL: by currency for the total, by name for the rows of a report."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from console.rates import Rate
from console.reports.question import Interval, Question
from console.reports.sums.conditions import OF_CAMPAIGN, OF_COUNTRY, OF_EVENT
from console.reports.sums.dimensions import selected_columns
from console.reports.sums.levels import Levels
from shared.database import Connection, run

_OF_QUESTION = f"""
    app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
    AND start >= %(from)s AND start < %(until)s AND (event <> '' OR NOT %(per_event)s)
    AND {{origins}} AND {OF_CAMPAIGN} AND {OF_COUNTRY} AND {OF_EVENT}
"""
_COUNTS = """
    sum(events)::bigint AS events, sum(installs)::bigint AS installs,
    sum(organic)::bigint AS organic, sum(reattributions)::bigint AS reattributions,
    sum(sessions)::bigint AS sessions, sum(unverified)::bigint AS unverified, sum(value) AS value
"""
_TOTALS = f"""
SELECT
    start, currency, event = '__ad_revenue' AS is_ad, bool_or(amount <> 0), sum(amount), {_COUNTS}
FROM {{figures}}
WHERE {_OF_QUESTION}
GROUP BY start, currency, is_ad
"""
# Rates are those that the totals need. An amount without one is in no sum of `converted`.
_ROWS = f"""
WITH parts AS (
    SELECT
        {{columns}}currency, event = '__ad_revenue' AS is_ad, bool_or(amount <> 0) AS has_amount,
        sum(amount) AS amount, sum(amount * rate) AS converted,
        sum(amount) FILTER (WHERE rate IS NULL AND amount <> 0) AS unconverted, {_COUNTS}
    FROM {{figures}} LEFT JOIN unnest(
        %(rate_starts)s::timestamptz[], %(rate_currencies)s::text[], %(rates)s::numeric[]
    ) AS known (start, currency, rate) USING (start, currency)
    WHERE {_OF_QUESTION}
    GROUP BY {{columns}}currency, is_ad
)
SELECT
    {{columns}}{_COUNTS},
    coalesce(sum(converted) FILTER (WHERE NOT is_ad), 0) AS revenue,
    coalesce(sum(converted) FILTER (WHERE is_ad), 0) AS ad_revenue,
    array_agg(currency) FILTER (WHERE has_amount), array_agg(is_ad) FILTER (WHERE has_amount),
    array_agg(amount) FILTER (WHERE has_amount), array_agg(unconverted) FILTER (WHERE has_amount)
FROM parts
GROUP BY {{key}}
LIMIT %(rows_max)s
"""
COUNTS = 7  # of each row
SUMS = COUNTS + 6  # at the end of each row of `read_rows`


class CurrencySum(NamedTuple):
    """The sums of an hour or day in one currency, of ads or of everything else.

    `has_amount` tells whether any amount was not zero, though all may come to zero.
    """

    start: datetime
    currency: str
    is_ad: bool
    has_amount: bool
    amount: Decimal
    events: int
    installs: int
    organic: int
    reattributions: int
    sessions: int
    unverified: int
    value: Decimal


def read_totals(
    connection: Connection, question: Question, levels: Levels, bounds: Mapping[str, object]
) -> list[CurrencySum]:
    """Returns the sums of all rows of a question by hour or day, whatever it is broken down by."""
    known, is_daily = question.filters.filtered, bounds["grain"] == "day"
    statement = _TOTALS.format(
        figures=levels.figures_by(known, is_daily=is_daily),
        origins=levels.origins_by(known, is_daily=is_daily),
    )
    return [CurrencySum(*row) for row in run(connection, statement, bounds)]


def read_rows(
    connection: Connection,
    question: Question,
    levels: Levels,
    bounds: Mapping[str, object],
    rates: Mapping[tuple[datetime, str], Rate],
) -> list[tuple[Any, ...]]:
    """Returns the sums of each row of a question with breakdowns, at most `rows_max`.

    A row begins with its hour or day, unless it is a total, and the columns of its breakdowns.
    """
    start = "" if question.by is Interval.TOTAL else "start, "
    columns = start + selected_columns(question.splits)
    known, is_daily = question.dimensions, bounds["grain"] == "day"
    statement = _ROWS.format(
        columns=columns,
        key=columns.strip(", "),
        figures=levels.figures_by(known, is_daily=is_daily),
        origins=levels.origins_by(known, is_daily=is_daily),
    )
    return run(connection, statement, {**bounds, **rate_arguments(rates)}).fetchall()


def rate_arguments(
    rates: Mapping[tuple[datetime, str], Rate] | Mapping[tuple[date, str], Rate],
) -> dict[str, object]:
    """Returns exchange rates as the arguments of a statement."""
    keys: Iterable[tuple[date, str]] = rates
    starts, currencies = zip(*keys, strict=True) if rates else ((), ())
    return {
        "rate_starts": list(starts),
        "rate_currencies": list(currencies),
        "rates": [rate.value for rate in rates.values()],
    }
