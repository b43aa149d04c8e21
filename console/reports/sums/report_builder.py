"""Adds rollups up to the rows of a report."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from console.rates import Rates, add_amount
from console.reports.bounds import midnight
from console.reports.costs.spending import Spent, has_costs, read_spending
from console.reports.figures import Figures
from console.reports.names import Names
from console.reports.question import Interval, Question
from console.reports.report import ConversionRates, ReportRow
from console.reports.sums.conditions import OF_CAMPAIGN, OF_COUNTRY, OF_EVENT, OF_ORIGIN
from console.reports.sums.dimensions import labels_of, selected_columns
from console.reports.traffic import SUMS, Traffic, has_traffic, read_traffic
from shared.database import Connection, run

RowKey = tuple[datetime | None, tuple[str, ...]]
ROLLUPS_MAX = 50_000  # sums of one currency and origin, as PostgreSQL returns them

_ROLLUPS = f"""
SELECT
    start, {{columns}}currency, event = '__ad_revenue' AS is_ad, event = '' AS is_of_users,
    sum(events), sum(amount), sum(value), sum(installs),
    sum(installs) FILTER (WHERE link_id = 0 AND source = ''), sum(reattributions), sum(sessions),
    sum(unverified)
FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start >= %(from)s AND start < %(until)s
  AND {OF_ORIGIN} AND {OF_CAMPAIGN} AND {OF_COUNTRY} AND {OF_EVENT}
GROUP BY start, {{columns}}currency, is_ad, is_of_users
LIMIT %(rows_max)s
"""


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
        self._figures: defaultdict[RowKey, Figures] = defaultdict(Figures)
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
            statement = _ROLLUPS.format(columns=selected_columns(question.splits))
            arguments = {**bounds, "rows_max": ROLLUPS_MAX + 1}
            rollups = run(connection, statement, arguments).fetchall()
        traffic: list[tuple[Any, ...]] = []
        if has_traffic(self._like):
            traffic = read_traffic(connection, question.splits, bounds, ROLLUPS_MAX + 1)
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
        for figures in (self._figures[self._row_key(start, key)], self._total):
            figures.events += int(events)
            figures.value += value
            figures.installs += int(installs)
            figures.organic += int(organic or 0)
            figures.reattributions += int(reattributions)
            figures.sessions += int(sessions)
            figures.unverified += int(unverified)
            self._add_money(figures, start.date(), currency, amount, is_ad=is_ad)

    def _row_key(self, start: datetime, key: Sequence[Any]) -> RowKey:
        names = labels_of(self._question.splits, self._names, key)
        return None if self._question.by is Interval.TOTAL else start, names

    def _add_traffic(self, row: Sequence[Any]) -> None:
        """Adds a row of `read_traffic` to its report row and to the total."""
        start, *key = row[:-SUMS]
        for figures in (self._figures[self._row_key(start, key)], self._total):
            figures.traffic = figures.traffic or Traffic()
            figures.traffic.add(row[-SUMS:])
            if self._like.is_of_sub_ids:
                installs = figures.traffic.click_installs + figures.traffic.view_installs
                figures.installs = installs

    def _add_cost(self, spent: Spent) -> None:
        row_key = None if self._question.by is Interval.TOTAL else midnight(spent.day), spent.names
        rate = self._rates.rate(spent.currency, spent.day)
        self._rate_days[spent.currency].add(rate.day if rate else None)
        for figures in (self._figures[row_key], self._total):
            sums = [figures.cost_originals, *([] if rate else [figures.cost_unconverted])]
            for amounts in sums:
                amounts[spent.currency] = amounts.get(spent.currency, Decimal(0)) + spent.amount
            figures.cost = figures.cost or Decimal(0)
            if rate:
                figures.cost += spent.amount * rate.value

    def add_users(self, users: Mapping[tuple[datetime, tuple[str, ...]], int]) -> None:
        """Sets the unique users of each row; the total has them if it is the only row."""
        for (start, names), count in users.items():
            row_key = None if self._question.by is Interval.TOTAL else start, names
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
            ReportRow(start, names, figures.rounded())
            for (start, names), figures in self._figures.items()
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
