"""Reads the report of today and yesterday for each app in the list of apps."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from console.apps.apps import App
from console.reports.period import Period
from console.reports.question import Question
from console.reports.rates import Rates, report_currency
from console.reports.report import Figures, read_report
from shared.database import Connection
from shared.events import Environment


@dataclass(frozen=True)
class AppOverview:
    """An app's metrics of two UTC days, with money in `currency`."""

    app: App
    currency: str
    today: Figures
    yesterday: Figures


def read_overviews(
    connection: Connection, apps: Iterable[App], environment: Environment, now_ms: int
) -> list[AppOverview]:
    """Returns the overviews in the order of `apps`; a day without a row has zeros."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    period = Period(today - timedelta(days=1), today)
    overviews: list[AppOverview] = []
    for app in apps:
        currency = report_currency(app.currency)
        question = Question(period=period, environment=environment, currency=currency)
        report = read_report(connection, app, question, Rates(currency))
        by_day = {row.start.date(): row.figures for row in report.rows if row.start}
        yesterday, now = (by_day.get(day, Figures(users=0)) for day in (period.first, today))
        overviews.append(AppOverview(app, currency, now, yesterday))
    return overviews
