"""Makes the rows of a report of the sums of its rollups."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from console.rates import Rate, Rates, add_amount
from console.reports.bounds import midnight
from console.reports.costs.spending import has_costs, read_daily_spending, read_spending
from console.reports.figures import Figures
from console.reports.names import Names
from console.reports.question import Interval, Question
from console.reports.report import ROWS_MAX, ConversionRates, ReportRow
from console.reports.sums.dimensions import labels_of
from console.reports.sums.levels import Levels
from console.reports.sums.rollup_sums import COUNTS, SUMS, CurrencySum, read_rows, read_totals
from console.reports.traffic import SUMS as TRAFFIC_SUMS
from console.reports.traffic import Traffic, has_traffic, read_traffic
from shared.database import Connection

RowKey = tuple[datetime | None, tuple[str, ...]]


class ReportBuilder:
    """Sums of rollups by interval and name, and of all of them.

    PostgreSQL adds up; here is a step for each row of the report, and for each currency of an hour
    or day.
    """

    def __init__(
        self,
        question: Question,
        names: Names,
        rates: Rates,
        levels: Levels,
        like: Question | None = None,
    ) -> None:
        """Takes the question; with `like`, adds only what is in the answer to that one."""
        self._question = question
        self._like = like or question
        self._names = names
        self._rates = rates
        self._levels = levels
        self._is_hourly = False  # of what is being added
        self._starts: dict[datetime, datetime] = {}
        self._labels: dict[tuple[Any, ...], tuple[str, ...]] = {}
        self._figures: defaultdict[RowKey, Figures] = defaultdict(Figures)
        self._rate_days: defaultdict[str, set[date | None]] = defaultdict(set)
        self._total = Figures(
            traffic=Traffic() if has_traffic(self._like) else None,
            cost=Decimal(0) if has_costs(self._like) else None,
        )

    def add_rollups(self, connection: Connection, bounds: Mapping[str, object]) -> bool:
        """Adds all sums of rollups; False if there are more than ROWS_MAX rows of a kind."""
        self._is_hourly, self._starts = bounds["grain"] == "hour", {}
        arguments = {
            **bounds,
            "rows_max": ROWS_MAX + 1,
            "per_event": self._like.is_per_event_type,
        }
        if not self._like.is_of_sub_ids and not self._add_figures(connection, arguments):
            return False
        if has_traffic(self._like) and not self._add_traffic(connection, arguments):
            return False
        # Costs are of whole days.
        if has_costs(self._like) and not self._is_hourly:
            self._add_costs(connection, arguments)
        return True

    def _add_figures(self, connection: Connection, bounds: Mapping[str, object]) -> bool:
        question, needed = self._question, {}
        for each in read_totals(connection, question, self._levels, bounds):
            self._add_sum(each)
            day = self._start(each.start).date()
            if each.has_amount and (rate := self._rates.rate(each.currency, day)):
                needed[each.start, each.currency] = rate
        if not question.splits:
            return True
        rows = read_rows(connection, question, self._levels, bounds, needed)
        for row in rows:
            self._add_row(row)
        return len(rows) <= ROWS_MAX

    def _add_sum(self, each: CurrencySum) -> None:
        """Adds what an hour or day has in a currency to the total, and to a row without names."""
        start = self._start(each.start)
        places = [self._total]
        if not self._question.splits:
            places.append(self._figures[self._row_key(start, ())])
        for figures in places:
            _add_counts(figures, each[-COUNTS:])
            if each.has_amount:
                self._add_money(figures, start.date(), each)

    def _add_money(self, figures: Figures, day: date, each: CurrencySum) -> None:
        currency, amount, is_ad = each.currency, each.amount, each.is_ad
        add_amount(figures.originals, currency, amount, is_ad=is_ad)
        rate = self._rates.rate(currency, day)
        if rate is None:
            add_amount(figures.unconverted, currency, amount, is_ad=is_ad)
        self._rate_days[currency].add(rate.day if rate else None)
        if rate and is_ad:
            figures.ad_revenue += amount * rate.value
        elif rate:
            figures.revenue += amount * rate.value

    def _add_row(self, row: Sequence[Any]) -> None:
        """Adds a row of `read_rows`, whose amounts are in the total already."""
        figures = self._figures[self._key_of(row[:-SUMS])]
        _add_counts(figures, row[-SUMS:-6])
        revenue, ad_revenue, *of_currencies = row[-6:]
        figures.revenue += revenue
        figures.ad_revenue += ad_revenue
        if of_currencies[0] is None:
            return
        for currency, is_ad, amount, unconverted in zip(*of_currencies, strict=True):
            add_amount(figures.originals, currency, amount, is_ad=is_ad)
            if unconverted is not None:
                add_amount(figures.unconverted, currency, unconverted, is_ad=is_ad)

    def _start(self, at: datetime) -> datetime:
        """Returns the first moment of what rollups call `at`, as the app's clock shows it."""
        start = self._starts.get(at)
        if start is None:
            days = self._question.days
            start = days.local(at) if self._is_hourly else days.local_start(at.date())
            self._starts[at] = start
        return start

    def _row_key(self, start: datetime, names: tuple[str, ...]) -> RowKey:
        return None if self._question.by is Interval.TOTAL else start, names

    def _key_of(self, head: Sequence[Any]) -> RowKey:
        """Returns the key of a row that begins so: with its hour or day unless it is a total."""
        start, key = None, tuple(head)
        if self._question.by is not Interval.TOTAL:
            start, key = self._start(key[0]), key[1:]
        names = self._labels.get(key)
        if names is None:
            names = self._labels[key] = labels_of(self._question.splits, self._names, key)
        return start, names

    def _add_traffic(self, connection: Connection, bounds: Mapping[str, object]) -> bool:
        rows = read_traffic(connection, self._question, self._levels, bounds)
        places: list[tuple[Figures, Sequence[Any]]] = [
            (self._figures[self._key_of(row[:-TRAFFIC_SUMS])], row) for row in rows
        ]
        if rows:
            places.append((self._total, [sum(column) for column in _columns_of(rows)]))
        for figures, row in places:
            figures.traffic = figures.traffic or Traffic()
            figures.traffic.add(row[-TRAFFIC_SUMS:])
            if self._like.is_of_sub_ids:
                installs = figures.traffic.click_installs + figures.traffic.view_installs
                figures.installs = installs
        return len(rows) <= ROWS_MAX

    def _add_costs(self, connection: Connection, bounds: Mapping[str, object]) -> None:
        question, levels = self._question, self._levels
        needed: dict[tuple[date, str], Rate] = {}
        for day, currency, amount in read_daily_spending(connection, question, levels, bounds):
            rate = self._rates.rate(currency, day)
            self._rate_days[currency].add(rate.day if rate else None)
            if rate:
                needed[day, currency] = rate
            places = [self._total]
            if not question.splits:
                places.append(self._figures[self._row_key(self._start(midnight(day)), ())])
            converted = amount * rate.value if rate else Decimal(0)
            for figures in places:
                _add_cost(figures, currency, amount, converted, Decimal(0) if rate else amount)
        if question.splits:
            spending = read_spending(connection, question, levels, self._names, bounds, needed)
            for spent in spending:
                start = self._start(midnight(spent.day)) if spent.day else None
                figures = self._figures[start, spent.names]
                _add_cost(figures, spent.currency, spent.amount, spent.converted, spent.unconverted)

    def add_users(self, users: Mapping[tuple[datetime, tuple[str, ...]], int]) -> None:
        """Sets the unique users of each row; the total has them if it is the only row."""
        for (at, names), count in users.items():
            row_key = self._row_key(self._start(at), names)
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


def _add_counts(figures: Figures, counts: Iterable[Any]) -> None:
    events, installs, organic, reattributions, sessions, unverified, value = counts
    figures.events += events
    figures.installs += installs
    figures.organic += organic
    figures.reattributions += reattributions
    figures.sessions += sessions
    figures.unverified += unverified
    figures.value += value


def _add_cost(
    figures: Figures, currency: str, amount: Decimal, converted: Decimal, unconverted: Decimal
) -> None:
    sums = [(figures.cost_originals, amount)]
    if unconverted:
        sums.append((figures.cost_unconverted, unconverted))
    for amounts, part in sums:
        amounts[currency] = amounts.get(currency, Decimal(0)) + part
    figures.cost = (figures.cost or Decimal(0)) + converted


def _columns_of(rows: Sequence[Sequence[Any]]) -> Iterable[Sequence[Any]]:
    """Returns the columns of the sums at the end of the rows of `read_traffic`."""
    return zip(*(row[-TRAFFIC_SUMS:] for row in rows), strict=True)
