"""Reads cohorts from daily rollups: new users, those who came back, and what they paid.

Users are counted on the day of their first event, and belong to the partner or source that their
first attribution credits. What was paid until a day of age is a sum over all days before it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from console.apps.apps import App
from console.rates import Rates
from console.reports.cohorts.cohort_question import (
    AGES,
    CohortMetric,
    CohortQuestion,
    CohortSplit,
)
from console.reports.filters import Split
from console.reports.names import Names, read_names
from console.reports.retention import FIRST_SEEN
from console.reports.sums.levels import COMEBACKS, read_levels
from shared.database import Connection, run, transaction
from shared.errors import OperatorError

COHORTS_MAX = 2_000
_COLUMNS = {
    CohortSplit.NONE: "",
    CohortSplit.PARTNER: "partner_id, source,",
    CohortSplit.LINK: "link_id, source,",
}

_OF_SOURCE = """
  AND (%(link_ids)s::bigint[] IS NULL OR link_id = ANY(%(link_ids)s))
  AND (%(source)s::text IS NULL OR source = %(source)s)
"""
_USERS = f"""
SELECT date_trunc(%(span)s::text, start AT TIME ZONE 'UTC')::date, {{columns}} sum(installs)::bigint
FROM {{figures}}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day' AND event = ''
  AND start >= %(from)s::date::timestamp AT TIME ZONE 'UTC'
  AND start < (%(to)s::date + 1)::timestamp AT TIME ZONE 'UTC' {_OF_SOURCE}
GROUP BY {{columns}} 1 HAVING sum(installs) > 0
"""
_RETURNED = f"""
SELECT date_trunc(%(span)s::text, (day - days)::timestamp)::date, {{columns}} days,
       sum(users)::bigint
FROM {COMEBACKS}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND since = %(since)s
  AND since IN ('first', 'first_event') AND days = ANY(%(ages)s) AND NOT building
  AND day - days BETWEEN %(from)s AND %(to)s {_OF_SOURCE}
GROUP BY {{columns}} days, 1
"""
# What was paid until the end of an age has the first position of `AGES` that is not below it.
_CURRENCIES = """
SELECT DISTINCT day, currency FROM {earnings}
WHERE app_id = %(app_id)s AND environment = %(environment)s
  AND first_day BETWEEN %(from)s AND %(to)s
"""
_PAID = f"""
SELECT date_trunc(%(span)s::text, first_day::timestamp)::date, {{columns}}
       width_bucket(day - first_day - 1, %(ages)s::integer[]) AS position, sum(amount * rate),
       coalesce(CASE WHEN rate IS NULL THEN currency END, '') AS unknown, sum(amount)
FROM {{earnings}} JOIN unnest(%(days)s::date[], %(currencies)s::text[], %(rates)s::numeric[])
    AS known (day, currency, rate) USING (day, currency)
WHERE app_id = %(app_id)s AND environment = %(environment)s
  AND first_day BETWEEN %(from)s AND %(to)s
  AND day - first_day BETWEEN 0 AND %(oldest)s {_OF_SOURCE}
GROUP BY {{columns}} 1, position, rate IS NULL, unknown
"""


@dataclass(frozen=True)
class CohortRow:
    """New users of a day, week or month.

    `values` belong to the ages of `AGES`, None where that day is not over for all of these users:
    users who came back on that day, or amounts that were paid until its end. `name` is '' where
    cohorts are not broken down.
    """

    first: date
    last: date
    name: str
    users: int
    values: tuple[int | Decimal | None, ...]

    def share(self, position: int) -> Decimal | None:
        """Returns a value for each user of the cohort, None if it is not known."""
        value = self.values[position]
        return None if value is None or not self.users else Decimal(value) / self.users


@dataclass(frozen=True)
class CohortTable:
    """The answer to a question about cohorts.

    `averages` are the values for each user of all rows of a name that know them, by name.
    `unconverted` are amounts without an exchange rate, which are in no value, by currency.
    """

    question: CohortQuestion
    ages: Sequence[int]
    rows: Sequence[CohortRow]
    averages: Mapping[str, Sequence[Decimal | None]]
    unconverted: Mapping[str, Decimal]


def read_cohorts(
    connection: Connection, app: App, question: CohortQuestion, today: date
) -> CohortTable:
    """Returns a row for each cohort with users.

    Raises OperatorError when a partner does not exist, or for too many cohorts.
    """
    question = replace(question, time_zone=app.time_zone)
    names, rates = read_names(connection, app), Rates(question.currency)
    source = None if question.partner is None else names.partner_filter(question.partner)
    arguments: dict[str, object] = {
        "app_id": app.id,
        "environment": question.environment,
        "from": question.period.first,
        "to": question.period.last,
        "since": FIRST_SEEN[question.active_by],
        "span": question.span,
        "ages": list(AGES),
        "oldest": AGES[-1],
        "link_ids": source and list(source.link_ids),
        "source": source and source.source,
    }
    columns, levels = _COLUMNS[question.split], read_levels(connection)
    users: defaultdict[tuple[date, str], int] = defaultdict(int)
    figures = levels.figures_by({Split.PARTNER})
    statement = _USERS.format(columns=columns, figures=figures)
    for first, *key, installs in run(connection, statement, arguments):
        users[first, _name(names, question, key)] += installs
    if len(users) > COHORTS_MAX:
        raise OperatorError(
            f"There are more than {COHORTS_MAX:,} cohorts. Choose fewer days, weeks or months."
        )
    values: defaultdict[tuple[date, str], defaultdict[int, Decimal]]
    values = defaultdict(lambda: defaultdict(Decimal))
    unconverted: defaultdict[str, Decimal] = defaultdict(Decimal)
    if question.metric is CohortMetric.RETENTION:
        rows = run(connection, _RETURNED.format(columns=columns), arguments)
        for first, *key, age, returned in rows:
            values[first, _name(names, question, key)][age] += returned
    else:
        earnings = levels.earnings_by(is_of_all=not columns and source is None)
        paid_rows = _paid(connection, columns, earnings, arguments, rates)
        for first, *key, position, paid, unknown, amount in paid_rows:
            values[first, _name(names, question, key)][AGES[position]] += paid or 0
            if paid is None:
                unconverted[unknown] += amount
    cohorts = [
        _row(question, first, name, count, values[first, name], today)
        for (first, name), count in sorted(users.items())
    ]
    by_name: defaultdict[str, list[CohortRow]] = defaultdict(list)
    for cohort in cohorts:
        by_name[cohort.name].append(cohort)
    averages = {name: _averages(of_name) for name, of_name in by_name.items()}
    return CohortTable(question, AGES, cohorts, averages, dict(unconverted))


def _paid(
    connection: Connection,
    columns: str,
    earnings: str,
    arguments: Mapping[str, object],
    rates: Rates,
) -> list[tuple[Any, ...]]:
    """Returns what was paid, converted by the rate of its day where there is one."""
    pairs = run(connection, _CURRENCIES.format(earnings=earnings), arguments).fetchall()
    known = [rates.rate(currency, day) for day, currency in pairs]
    conversion = {
        "days": [day for day, _ in pairs],
        "currencies": [currency for _, currency in pairs],
        "rates": [rate and rate.value for rate in known],
    }
    with transaction(connection):
        # Thousands of rates are joined with many more sums, though statistics may not know of them
        # yet: row by row, it took longer than a page may.
        run(connection, "SELECT set_config('enable_nestloop', 'off', true)")
        statement = _PAID.format(columns=columns, earnings=earnings)
        return run(connection, statement, {**arguments, **conversion}).fetchall()


def _name(names: Names, question: CohortQuestion, key: Sequence[Any]) -> str:
    match question.split:
        case CohortSplit.PARTNER:
            return names.partner_by_id(*key)
        case CohortSplit.LINK:
            return names.link(*key)
    return ""


def _row(
    question: CohortQuestion,
    start: date,
    name: str,
    users: int,
    values: Mapping[int, Decimal],
    today: date,
) -> CohortRow:
    """Makes the row of a cohort, without the ages that its youngest users have not passed."""
    next_start = question.span.start_of(start + timedelta(days=31))
    ends = {"day": start, "week": start + timedelta(days=6), "month": next_start - timedelta(1)}
    last = min(ends[question.span], question.period.last)
    ages_over = (today - last).days - 1
    if question.metric is CohortMetric.RETENTION:
        of_age: Sequence[int | Decimal] = [int(values.get(age, 0)) for age in AGES]
    else:
        of_age = [
            round(paid, 6) for paid in accumulate(values.get(age, Decimal(0)) for age in AGES)
        ]
    return CohortRow(
        max(start, question.period.first),
        last,
        name,
        users,
        tuple(value if age <= ages_over else None for age, value in zip(AGES, of_age, strict=True)),
    )


def _averages(rows: Sequence[CohortRow]) -> list[Decimal | None]:
    averages: list[Decimal | None] = []
    for position in range(len(AGES)):
        known = [(row.users, row.values[position]) for row in rows]
        pairs = [(users, value) for users, value in known if value is not None]
        users = sum(users for users, _ in pairs)
        averages.append(
            round(sum((Decimal(value) for _, value in pairs), Decimal(0)) / users, 6)
            if users
            else None
        )
    return averages
