"""Reads an app's last 30 days: installs by source, revenue and active users, each with its trend.

Each is compared with the 30 days before, up to the same full hour, and comes from rollups.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from console.apps.apps import App
from console.consistent_read import one_moment
from console.rates import report_currency
from console.reports.active_by import ActivityBasis, read_basis
from console.reports.activity import ActiveUsers, ActivityQuestion, active_users
from console.reports.answer import answer
from console.reports.figures import Figures
from console.reports.filters import Split
from console.reports.period import Period
from console.reports.question import Against, Question
from console.reports.report import Report
from console.reports.sheet import Money
from console.reports.sheets import MEASURES, Measure
from shared.database import Connection
from shared.errors import OperatorError

RECENT_DAYS = 30
INSTALLS = next(measure for measure in MEASURES if measure.name == "installs")
ALL_REVENUE = Measure(
    "all_revenue",
    "revenue and ad revenue",
    lambda figures, currency: Money(figures.revenue + figures.ad_revenue, currency),
)


@dataclass(frozen=True)
class Trend:
    """Totals of the period and of the one before, both up to the same hour.

    `users` are the monthly active users of today and of the day 30 days ago.
    """

    now: Figures
    before: Figures
    users: tuple[int, int]

    @property
    def installs(self) -> str:
        return change_text(self.now.installs, self.before.installs)

    @property
    def revenue(self) -> str:
        amounts = (figures.revenue + figures.ad_revenue for figures in (self.now, self.before))
        now, before = map(float, amounts)
        return change_text(now, before)

    @property
    def active_users(self) -> str:
        return change_text(*self.users)


@dataclass(frozen=True)
class RecentDays:
    """The last 30 days of an app, today included, which is not over.

    `money` has the revenue of each day in `currency`, `sources` the installs of each day by partner
    or source, None where there are more of these than a report has rows for.
    """

    currency: str
    sources: Report | None
    money: Report
    activity: list[ActiveUsers]
    basis: ActivityBasis
    trend: Trend

    @property
    def has_data(self) -> bool:
        return self.money.has_data


def change_text(now: float, before: float) -> str:
    """Returns by how much a value has changed, in words where there is no percentage."""
    if now == before:
        return "the same as in the 30 days before"
    if before <= 0:
        return "none in the 30 days before"
    return f"{now / before - 1:+.1%} compared with the 30 days before"


def read_recent_days(connection: Connection, app: App, environment: str, now_ms: int) -> RecentDays:
    today = app.today(now_ms)
    period = Period(today - timedelta(days=RECENT_DAYS - 1), today)
    question = Question(
        period=period, environment=environment, currency=report_currency(app.currency)
    )
    with one_moment(connection):
        money = answer(connection, app, replace(question, against=Against.PREVIOUS), now_ms)
        sources: Report | None = None
        with suppress(OperatorError):
            sources = answer(connection, app, replace(question, split=Split.PARTNER), now_ms)
        basis = read_basis(connection, app, environment, today)
        asked = ActivityQuestion(environment, period, basis.by)
        activity = active_users(connection, app, asked, today)
        earlier_day = today - timedelta(days=RECENT_DAYS)
        earlier = replace(asked, period=Period(earlier_day, earlier_day))
        users = (_last_mau(activity), _last_mau(active_users(connection, app, earlier, today)))
    comparison = money.comparison
    assert comparison is not None  # 29 days of the period are over
    trend = Trend(comparison.current, comparison.earlier, users)
    return RecentDays(question.currency, sources, money, activity, basis, trend)


def _last_mau(days: Iterable[ActiveUsers]) -> int:
    return next((day.mau for day in reversed(list(days))), 0)
