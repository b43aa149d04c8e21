"""Answers a question from the figures: a row for each period and each thing it is split by.

PostgreSQL adds up figures; different users are read where they were counted for just this question
(`console.reports.reach`), for they cannot be added up. Money is converted by the day it came in.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from console.apps.apps import App
from console.reports.bounds import bounds_of
from console.reports.names import Names, campaign_name, country_label, read_names
from console.reports.question import By, Question, Split
from console.reports.rates import Rates
from console.reports.reach import read_reach
from shared.database import Connection, run
from shared.errors import OperatorError

FIGURES_MAX = 50_000  # sums of one currency and origin, as PostgreSQL gives them
ROWS_MAX = 5_000

# What is asked for decides the columns; they are named here, and nothing from outside is.
_COLUMNS = {
    Split.NONE: "",
    Split.PARTNER: "link_id, source,",
    Split.LINK: "link_id, source,",
    Split.CAMPAIGN: "link_id, source, campaign,",
    Split.COUNTRY: "country,",
    Split.EVENT: "event,",
}
_FIGURES = """
SELECT
    start, {columns} currency, event = '__ad_revenue' AS is_ad, event = '' AS is_of_users,
    sum(events), sum(amount), sum(value), sum(installs),
    sum(installs) FILTER (WHERE link_id = 0 AND source = ''), sum(reattributions), sum(sessions)
FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start >= %(from)s AND start < %(until)s
  AND (%(link_ids)s::bigint[] IS NULL OR link_id = ANY(%(link_ids)s))
  AND (%(source)s::text IS NULL OR source = %(source)s)
  AND (%(campaign)s::text IS NULL OR campaign = %(campaign)s)
  AND (%(country)s::text IS NULL OR country = %(country)s)
  AND (%(event)s::text IS NULL OR event = %(event)s)
GROUP BY start, {columns} currency, is_ad, is_of_users
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
    f"That would be more than {ROWS_MAX:,} rows. Ask for fewer days, for days instead of hours, or "
    "for one partner, link or country."
)


@dataclass
class Figures:
    """`users` None: not counted for this question. Of installs, `organic` came by themselves.
    Revenue is in the currency of the report; `originals` are sums as they were sent, by currency:
    event revenue, ad revenue.
    """

    events: int = 0
    users: int | None = None
    installs: int = 0
    organic: int = 0
    reattributions: int = 0
    sessions: int = 0
    revenue: Decimal = Decimal(0)
    ad_revenue: Decimal = Decimal(0)
    value: Decimal = Decimal(0)
    originals: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)

    @property
    def attributed(self) -> int:
        return self.installs - self.organic

    @property
    def organic_share(self) -> float | None:
        return self.organic / self.installs if self.installs else None


@dataclass(frozen=True)
class ReportRow:
    """`start` is None in a report of the total; `name` is '' where nothing is split."""

    start: datetime | None
    name: str
    figures: Figures


@dataclass(frozen=True)
class Used:
    """Which rates converted a currency: of the days from `first` to `last`. None: there are none,
    and its amounts are in no sum.
    """

    currency: str
    first: date | None
    last: date | None


@dataclass(frozen=True)
class Report:
    """`stale` periods have changed since they were counted, the newest of all at `counted_at`."""

    question: Question
    rows: Sequence[ReportRow]
    total: Figures
    rates: Sequence[Used]
    counted_at: datetime | None
    stale: int


def read_report(connection: Connection, app: App, question: Question, rates: Rates) -> Report:
    """Raises OperatorError for a filter that names nothing, or for too many rows."""
    names = read_names(connection, app)
    bounds = bounds_of(app, question, names)
    tally = ReportBuilder(question, names, rates)
    statement = _FIGURES.format(columns=_COLUMNS[question.split])
    found = run(connection, statement, {**bounds, "rows_max": FIGURES_MAX + 1}).fetchall()
    if len(found) <= FIGURES_MAX:
        for row in found:
            tally.add(row)
    if len(found) > FIGURES_MAX or tally.places > ROWS_MAX:
        raise OperatorError(_TOO_MANY)
    tally.add_users(read_reach(connection, question, names, bounds))
    counted_at, stale = run(connection, _FRESHNESS, bounds).fetchone() or (None, 0)
    return Report(question, tally.rows(), tally.total, tally.used(), counted_at, int(stale))


class ReportBuilder:
    """Adds up figures by period and name."""

    def __init__(self, question: Question, names: Names, rates: Rates) -> None:
        self._question = question
        self._names = names
        self._rates = rates
        self._figures: defaultdict[tuple[datetime | None, str], Figures] = defaultdict(Figures)
        self._days: defaultdict[str, set[date | None]] = defaultdict(set)
        self.total = Figures()

    def add(self, row: Sequence[Any]) -> None:
        start, *key, currency, is_ad, is_of_users = row[:-7]
        if is_of_users and self._question.asks_events:
            return
        place = None if self._question.by is By.TOTAL else start, self._name(key)
        for figures in (self._figures[place], self.total):
            _add_counts(figures, row[-7:])
            self._add_money(figures, start.date(), currency, row[-6], is_ad=is_ad)

    def add_users(self, users: Mapping[tuple[datetime, str], int]) -> None:
        for (start, name), count in users.items():
            place = None if self._question.by is By.TOTAL else start, name
            if place in self._figures:
                self._figures[place].users = count
        if len(self._figures) == 1:
            (only,) = self._figures.values()
            self.total.users = only.users

    @property
    def places(self) -> int:
        """How many rows there will be."""
        return len(self._figures)

    def rows(self) -> list[ReportRow]:
        """By time, then the largest first."""
        rows = [ReportRow(start, name, figures) for (start, name), figures in self._figures.items()]
        return sorted(rows, key=_order)

    def used(self) -> list[Used]:
        return [
            Used(currency, *_span(days))
            for currency, days in sorted(self._days.items())
            if currency != self._rates.target
        ]

    def _name(self, key: Sequence[Any]) -> str:
        match self._question.split:
            case Split.PARTNER:
                return self._names.partner(*key)
            case Split.LINK:
                return self._names.link(*key)
            case Split.CAMPAIGN:
                return campaign_name(self._names.partner(*key[:2]), key[2])
            case Split.COUNTRY:
                return country_label(*key)
            case Split.EVENT:
                return self._names.event(*key)
            case Split.NONE:
                return ""

    def _add_money(
        self, figures: Figures, day: date, currency: str, amount: Decimal, *, is_ad: bool
    ) -> None:
        if not amount:
            return
        event, ad = figures.originals.get(currency, (Decimal(0), Decimal(0)))
        figures.originals[currency] = (event, ad + amount) if is_ad else (event + amount, ad)
        rate = self._rates.rate(currency, day)
        self._days[currency].add(rate.day if rate else None)
        if rate and is_ad:
            figures.ad_revenue += amount * rate.value
        elif rate:
            figures.revenue += amount * rate.value


def _add_counts(figures: Figures, counts: Sequence[Any]) -> None:
    events, _, value, installs, organic, reattributions, sessions = counts
    figures.events += int(events)
    figures.value += value
    figures.installs += int(installs)
    figures.organic += int(organic or 0)
    figures.reattributions += int(reattributions)
    figures.sessions += int(sessions)


def _order(row: ReportRow) -> tuple[float, int, int, str]:
    figures = row.figures
    at = row.start.timestamp() if row.start else 0.0
    return at, -figures.installs, -figures.events, row.name


def _span(days: Iterable[date | None]) -> tuple[date | None, date | None]:
    known = [day for day in days if day is not None]
    return (min(known), max(known)) if known else (None, None)
