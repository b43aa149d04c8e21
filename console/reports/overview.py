"""Reads today's metrics of each app, beside those of yesterday up to the same hour."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.apps.apps import App
from console.consistent_read import one_moment
from console.rates import Rates, report_currency
from console.reports.bounds import moment_of
from console.reports.comparison import read_total
from console.reports.figures import Figures
from console.reports.period import Period
from console.reports.question import Question
from console.reports.sums.catalog import read_catalog
from console.reports.sums.report_reader import read_report
from shared.database import Connection
from shared.events import Environment

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class AppOverview:
    """An app's metrics of two of its days, with money in `currency`.

    `today_until` and `yesterday_until` are those of both days up to the hour `until`, without
    unique users, which cannot be added up.
    """

    app: App
    currency: str
    today: Figures
    yesterday: Figures
    until: datetime
    today_until: Figures
    yesterday_until: Figures


def read_overviews(
    connection: Connection, apps: Iterable[App], environment: Environment, now_ms: int
) -> list[AppOverview]:
    """Returns the overviews in the order of `apps`; a day without a row has zeros."""
    now = moment_of(now_ms)
    overviews = []
    for app in apps:
        days = app.days
        today, hour = days.day_of(now), days.hour_start(now)
        period = Period(today - _DAY, today)
        spans = (
            (days.start(today), hour),
            (
                days.start(period.first),
                days.hour_start(days.at(period.first, days.local(hour).time())),
            ),
        )
        currency = report_currency(app.currency)
        rates = Rates(currency)
        question = Question(period=period, environment=environment, currency=currency)
        with one_moment(connection):
            catalog = read_catalog(connection, app)
            report = read_report(connection, app, question, rates, catalog)
            until = [read_total(connection, app, question, rates, catalog, span) for span in spans]
        by_day = {row.start.date(): row.figures for row in report.rows if row.start}
        both = [by_day.get(day, Figures(users=0)) for day in (today, period.first)]
        shown = days.local(hour)
        overviews.append(AppOverview(app, currency, both[0], both[1], shown, until[0], until[1]))
    return overviews
