"""Reads cohorts from daily rollups: new users, those who came back, and what they paid.

Users are counted on the day of their first event, and belong to the partner or source that their
first attribution credits. What was paid until a day of age is a sum over all days before it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from console.reports.names import Names, read_names
from console.reports.retention import FIRST_SEEN
from shared.database import Connection, run
from shared.errors import OperatorError

COHORTS_MAX = 2_000

_OF_SOURCE = """
  AND (%(link_ids)s::bigint[] IS NULL OR link_id = ANY(%(link_ids)s))
  AND (%(source)s::text IS NULL OR source = %(source)s)
"""
_USERS = f"""
SELECT (start AT TIME ZONE 'UTC')::date, {{columns}} sum(installs)
FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day' AND event = ''
  AND start >= %(from)s::date::timestamp AT TIME ZONE 'UTC'
  AND start < (%(to)s::date + 1)::timestamp AT TIME ZONE 'UTC' {_OF_SOURCE}
GROUP BY {{columns}} start HAVING sum(installs) > 0
"""
_RETURNED = f"""
SELECT day - days, {{columns}} days, sum(users)
FROM comebacks
WHERE app_id = %(app_id)s AND environment = %(environment)s AND since = %(since)s
  AND since IN ('first', 'first_event') AND days = ANY(%(ages)s)
  AND day - days BETWEEN %(from)s AND %(to)s {_OF_SOURCE}
GROUP BY {{columns}} days, day - days
"""
_CURRENCIES = """
SELECT DISTINCT day, currency FROM earnings
WHERE app_id = %(app_id)s AND environment = %(environment)s
  AND first_day BETWEEN %(from)s AND %(to)s
"""
_PAID = f"""
SELECT first_day, {{columns}} day - first_day AS age, sum(amount * rate),
       coalesce(CASE WHEN rate IS NULL THEN currency END, '') AS unknown, sum(amount)
FROM earnings JOIN unnest(%(days)s::date[], %(currencies)s::text[], %(rates)s::numeric[])
    AS known (day, currency, rate) USING (day, currency)
WHERE app_id = %(app_id)s AND environment = %(environment)s
  AND first_day BETWEEN %(from)s AND %(to)s AND day - first_day <= %(oldest)s {_OF_SOURCE}
GROUP BY {{columns}} first_day, day - first_day, rate IS NULL, unknown
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
    names, rates = read_names(connection, app), Rates(question.currency)
    source = None if question.partner is None else names.partner_filter(question.partner)
    arguments: dict[str, object] = {
        "app_id": app.id,
        "environment": question.environment,
        "from": question.period.first,
        "to": question.period.last,
        "since": FIRST_SEEN[question.active_by],
        "ages": list(AGES),
        "oldest": AGES[-1],
        "link_ids": source and list(source.link_ids),
        "source": source and source.source,
    }
    columns = "" if question.split is CohortSplit.NONE else "link_id, source,"
    users: defaultdict[tuple[date, str], int] = defaultdict(int)
    for day, *key, installs in run(connection, _USERS.format(columns=columns), arguments):
        users[question.span.start_of(day), _name(names, question, key)] += int(installs)
    if len(users) > COHORTS_MAX:
        raise OperatorError(
            f"There are more than {COHORTS_MAX:,} cohorts. Choose fewer days, weeks or months."
        )
    values: defaultdict[tuple[date, str], defaultdict[int, Decimal]]
    values = defaultdict(lambda: defaultdict(Decimal))
    unconverted: defaultdict[str, Decimal] = defaultdict(Decimal)
    if question.metric is CohortMetric.RETENTION:
        rows = run(connection, _RETURNED.format(columns=columns), arguments)
        for day, *key, age, returned in rows:
            place = question.span.start_of(day), _name(names, question, key)
            values[place][age] += returned
    else:
        for day, *key, age, paid, unknown, amount in _paid(connection, columns, arguments, rates):
            place = question.span.start_of(day), _name(names, question, key)
            values[place][age] += paid or 0
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
    connection: Connection, columns: str, arguments: Mapping[str, object], rates: Rates
) -> Iterator[tuple[Any, ...]]:
    """Yields what was paid, converted by the rate of its day where there is one."""
    pairs = run(connection, _CURRENCIES, arguments).fetchall()
    known = [rates.rate(currency, day) for day, currency in pairs]
    conversion = {
        "days": [day for day, _ in pairs],
        "currencies": [currency for _, currency in pairs],
        "rates": [rate and rate.value for rate in known],
    }
    yield from run(connection, _PAID.format(columns=columns), {**arguments, **conversion})


def _name(names: Names, question: CohortQuestion, key: Sequence[Any]) -> str:
    match question.split:
        case CohortSplit.PARTNER:
            return names.partner(*key)
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
        sums = list(accumulate(values.get(age, Decimal(0)) for age in range(AGES[-1] + 1)))
        of_age = [round(sums[age], 6) for age in AGES]
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
