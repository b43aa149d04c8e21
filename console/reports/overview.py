"""An app's today against its yesterday, for the list of apps: the figures of its report."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from console.apps.apps import App
from console.reports.period import Period
from console.reports.question import Question
from console.reports.rates import Rates, report_currency
from console.reports.report import Figures, Report, read_report
from shared.database import Connection
from shared.events import Environment


@dataclass(frozen=True)
class AppFigures:
    """Of two UTC days, money in `currency`."""

    app: App
    currency: str
    today: Figures
    yesterday: Figures


def figures_of_apps(
    connection: Connection, apps: Iterable[App], environment: Environment, now_ms: int
) -> list[AppFigures]:
    """In the order of `apps`."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    return [_figures(connection, app, environment, today) for app in apps]


def _figures(connection: Connection, app: App, environment: Environment, today: date) -> AppFigures:
    yesterday = today - timedelta(days=1)
    currency = report_currency(app.currency)
    question = Question(period=Period(yesterday, today), environment=environment, currency=currency)
    report = read_report(connection, app, question, Rates(currency))
    return AppFigures(app, currency, _of(report, today), _of(report, yesterday))


def _of(report: Report, day: date) -> Figures:
    """A day without a row has nothing in it."""
    found = (row.figures for row in report.rows if row.start and row.start.date() == day)
    return next(found, Figures(users=0))
