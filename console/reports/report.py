"""Answers a question from the rollups: a row for each interval and each name it is split by.

PostgreSQL adds up the rollups. Unique users cannot be added up, so they are read where they were
counted for exactly this question (`console.reports.reach`). Money is converted by the rate of its
day.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from console.apps.apps import App
from console.rates import Rates, add_amount, newest_rate_day
from console.reports.bounds import midnight, rollup_bounds
from console.reports.costs.spending import Spent, has_costs, read_spending
from console.reports.dimensions import SELECTED_COLUMNS, label_of
from console.reports.figures import Figures
from console.reports.names import Names, read_names
from console.reports.question import Interval, Question
from console.reports.reach import read_reach
from console.reports.traffic import SUMS, Traffic, has_traffic, read_traffic
from shared.database import Connection, run
from shared.errors import OperatorError

ROLLUPS_MAX = 50_000  # sums of one currency and origin, as PostgreSQL returns them
ROWS_MAX = 5_000

_ROLLUPS = """
SELECT
    start, {columns}currency, event = '__ad_revenue' AS is_ad, event = '' AS is_of_users,
    sum(events), sum(amount), sum(value), sum(installs),
    sum(installs) FILTER (WHERE link_id = 0 AND source = ''), sum(reattributions), sum(sessions),
    sum(unverified)
FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start >= %(from)s AND start < %(until)s
  AND (%(link_ids)s::bigint[] IS NULL OR link_id = ANY(%(link_ids)s))
  AND (%(source)s::text IS NULL OR source = %(source)s)
  AND (%(campaign)s::text IS NULL OR campaign = %(campaign)s)
  AND (%(country)s::text IS NULL OR country = %(country)s)
  AND (%(event)s::text IS NULL OR event = %(event)s)
GROUP BY start, {columns}currency, is_ad, is_of_users
LIMIT %(rows_max)s
"""

_FRESHNESS = """
SELECT max(counted_at), (
    SELECT count(DISTINCT (grain, start)) FROM stale_periods
    WHERE app_id = %(app_id)s AND environment = %(environment)s
      AND start >= %(from)s AND start < %(until)s
)
FROM counted_periods
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start >= %(from)s AND start < %(until)s
"""

_TOO_MANY = (
    f"The report would have more than {ROWS_MAX:,} rows. Choose fewer days, a daily instead of an "
    "hourly report, or one partner, link or country."
)


@dataclass(frozen=True)
class ReportRow:
    """The metrics of one interval and name.

    `start` is None in a report of the total; `name` is '' where nothing is split. `so_far` marks an
    hour or day that is not over.
    """

    start: datetime | None
    name: str
    figures: Figures
    so_far: bool = False


@dataclass(frozen=True)
class ConversionRates:
    """The first and last day of the rates that converted a currency.

    Both are None where there are no rates; the currency's amounts are then in no sum.
    """

    currency: str
    first: date | None
    last: date | None


@dataclass(frozen=True)
class Comparison:
    """The totals of a period and of an earlier one, without unique users.

    `first` and `last` are the days of the earlier period. `until` is the hour up to which both are
    added up on their last day, None if the period is over.
    """

    first: date
    last: date
    until: datetime | None
    current: Figures
    earlier: Figures


@dataclass(frozen=True)
class Report:
    """The answer to a question.

    `counted_at` is the time of the newest rollup, `stale` the number of hours and days that have
    changed since they were rolled up. `rates_until` is the day of the newest exchange rates.
    `is_complete` tells whether hours and days without events have rows too.
    """

    question: Question
    rows: Sequence[ReportRow]
    total: Figures
    rates: Sequence[ConversionRates]
    counted_at: datetime | None
    stale: int
    rates_until: date | None = None
    is_complete: bool = False
    comparison: Comparison | None = None

    @property
    def has_data(self) -> bool:
        """Tells whether anything was counted, so that not all rows are zeros."""
        return any(row.figures.is_something for row in self.rows)


def read_report(connection: Connection, app: App, question: Question, rates: Rates) -> Report:
    """Answers a question from the rollups.

    Raises OperatorError when a filter names something that does not exist, or for too many rows.
    """
    names = read_names(connection, app)
    bounds = rollup_bounds(app, question, names)
    builder = ReportBuilder(question, names, rates)
    if not builder.add_rollups(connection, bounds) or builder.row_count > ROWS_MAX:
        raise OperatorError(_TOO_MANY)
    builder.add_users(read_reach(connection, question, names, bounds))
    counted_at, stale = run(connection, _FRESHNESS, bounds).fetchone() or (None, 0)
    return Report(
        question,
        builder.rows(),
        builder.total,
        builder.conversion_rates(),
        counted_at,
        int(stale),
        newest_rate_day(),
    )


class ReportBuilder:
    """Sums of rollups by interval and name."""

    def __init__(
        self, question: Question, names: Names, rates: Rates, like: Question | None = None
    ) -> None:
        """Takes the question; with `like`, adds only what is in the answer to that one."""
        self._question = question
        self._like = like or question
        self._names = names
        self._rates = rates
        self._figures: defaultdict[tuple[datetime | None, str], Figures] = defaultdict(Figures)
        self._rate_days: defaultdict[str, set[date | None]] = defaultdict(set)
        self._total = Figures(
            traffic=Traffic() if has_traffic(self._like) else None,
            cost=Decimal(0) if has_costs(self._like) else None,
        )

    def add_rollups(self, connection: Connection, bounds: Mapping[str, object]) -> bool:
        """Adds all sums of rollups; False if there are more than ROLLUPS_MAX."""
        question = self._question
        rollups: list[tuple[Any, ...]] = []
        if not self._like.is_of_sub_ids:
            statement = _ROLLUPS.format(columns=SELECTED_COLUMNS[question.split])
            arguments = {**bounds, "rows_max": ROLLUPS_MAX + 1}
            rollups = run(connection, statement, arguments).fetchall()
        traffic: list[tuple[Any, ...]] = []
        if has_traffic(self._like):
            traffic = read_traffic(connection, question.split, bounds, ROLLUPS_MAX + 1)
        if max(len(rollups), len(traffic)) > ROLLUPS_MAX:
            return False
        for row in rollups:
            self.add(row)
        for row in traffic:
            self._add_traffic(row)
        # Costs are of whole days.
        if has_costs(self._like) and bounds["grain"] == "day":
            for spent in read_spending(connection, question, self._names, bounds):
                self._add_cost(spent)
        return True

    def add(self, row: Sequence[Any]) -> None:
        """Adds a row of `_ROLLUPS` to its report row and to the total."""
        start, *key, currency, is_ad, is_of_users = row[:-8]
        if is_of_users and self._like.is_per_event_type:
            return
        events, amount, value, installs, organic, reattributions, sessions, unverified = row[-8:]
        row_key = (
            None if self._question.by is Interval.TOTAL else start,
            label_of(self._question.split, self._names, tuple(key)),
        )
        for figures in (self._figures[row_key], self._total):
            figures.events += int(events)
            figures.value += value
            figures.installs += int(installs)
            figures.organic += int(organic or 0)
            figures.reattributions += int(reattributions)
            figures.sessions += int(sessions)
            figures.unverified += int(unverified)
            self._add_money(figures, start.date(), currency, amount, is_ad=is_ad)

    def _add_traffic(self, row: Sequence[Any]) -> None:
        """Adds a row of `read_traffic` to its report row and to the total."""
        start, *key = row[:-SUMS]
        row_key = (
            None if self._question.by is Interval.TOTAL else start,
            label_of(self._question.split, self._names, tuple(key)),
        )
        for figures in (self._figures[row_key], self._total):
            figures.traffic = figures.traffic or Traffic()
            figures.traffic.add(row[-SUMS:])
            if self._like.is_of_sub_ids:
                installs = figures.traffic.click_installs + figures.traffic.view_installs
                figures.installs = installs

    def _add_cost(self, spent: Spent) -> None:
        row_key = None if self._question.by is Interval.TOTAL else midnight(spent.day), spent.name
        rate = self._rates.rate(spent.currency, spent.day)
        self._rate_days[spent.currency].add(rate.day if rate else None)
        for figures in (self._figures[row_key], self._total):
            sums = [figures.cost_originals, *([] if rate else [figures.cost_unconverted])]
            for amounts in sums:
                amounts[spent.currency] = amounts.get(spent.currency, Decimal(0)) + spent.amount
            figures.cost = figures.cost or Decimal(0)
            if rate:
                figures.cost += spent.amount * rate.value

    def add_users(self, users: Mapping[tuple[datetime, str], int]) -> None:
        """Sets the unique users of each row; the total has them if it is the only row."""
        for (start, name), count in users.items():
            row_key = None if self._question.by is Interval.TOTAL else start, name
            if row_key in self._figures:
                self._figures[row_key].users = count
        if len(self._figures) == 1:
            (only,) = self._figures.values()
            self._total.users = only.users

    @property
    def total(self) -> Figures:
        """Returns the sums of all rows, of the amounts before they are rounded."""
        return self._total.rounded()

    @property
    def row_count(self) -> int:
        return len(self._figures)

    def rows(self) -> list[ReportRow]:
        """Returns the rows by time, within an interval those with most installs first."""

        def order(row: ReportRow) -> tuple[float, int, int, str]:
            start_seconds = row.start.timestamp() if row.start else 0.0
            return start_seconds, -row.figures.installs, -row.figures.events, row.name

        rows = [
            ReportRow(start, name, figures.rounded())
            for (start, name), figures in self._figures.items()
        ]
        return sorted(rows, key=order)

    def conversion_rates(self) -> list[ConversionRates]:
        """Returns the days of the rates of each currency other than the report's."""
        rates: list[ConversionRates] = []
        for currency, days in sorted(self._rate_days.items()):
            known_days = [day for day in days if day is not None]
            if currency != self._rates.target:
                first, last = min(known_days, default=None), max(known_days, default=None)
                rates.append(ConversionRates(currency, first, last))
        return rates

    def _add_money(
        self, figures: Figures, day: date, currency: str, amount: Decimal, *, is_ad: bool
    ) -> None:
        if not amount:
            return
        add_amount(figures.originals, currency, amount, is_ad=is_ad)
        rate = self._rates.rate(currency, day)
        if rate is None:
            add_amount(figures.unconverted, currency, amount, is_ad=is_ad)
        self._rate_days[currency].add(rate.day if rate else None)
        if rate and is_ad:
            figures.ad_revenue += amount * rate.value
        elif rate:
            figures.revenue += amount * rate.value
