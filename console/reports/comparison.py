"""Compares the totals of a period with those of an earlier one, both up to the same hour.

Rollups are per hour at the finest. So a period that is not over is compared up to the last full
hour, on both sides: the hour that has only begun is in neither.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from console.apps.apps import App
from console.rates import Rates
from console.reports.bounds import midnight, rollup_bounds
from console.reports.figures import Figures
from console.reports.filters import Split
from console.reports.names import read_names
from console.reports.question import Against, Interval, Question
from console.reports.report import Comparison, Report
from console.reports.sums.report_builder import ReportBuilder
from shared.database import Connection


def compared(
    connection: Connection, app: App, report: Report, rates: Rates, now: datetime
) -> Report:
    """Returns the report with the comparison that its question asks for, if it does."""
    question = report.question
    spans = comparable_spans(question, now)
    if spans is None:
        return report
    (since, until), (earlier_since, earlier_until) = spans
    comparison = Comparison(
        first=earlier_since.date(),
        last=(earlier_until - timedelta(microseconds=1)).date(),
        until=until if until < midnight(question.period.last + timedelta(days=1)) else None,
        current=read_total(connection, app, question, rates, since, until),
        earlier=read_total(connection, app, question, rates, earlier_since, earlier_until),
    )
    return replace(report, comparison=comparison)


def comparable_spans(
    question: Question, now: datetime
) -> tuple[tuple[datetime, datetime], tuple[datetime, datetime]] | None:
    """Returns the times of the period and of the earlier one, or None if nothing is compared."""
    period = question.period
    since = midnight(period.first)
    hour = now.replace(minute=0, second=0, microsecond=0)
    until = min(midnight(period.last + timedelta(days=1)), hour)
    if question.against is Against.NOTHING or until <= since:
        return None
    if question.against is Against.PREVIOUS:
        days = timedelta(days=-((since - until) // timedelta(days=1)))
        return (since, until), (since - days, until - days)
    return (since, until), (_year_before(since), _year_before(until))


def _year_before(moment: datetime) -> datetime:
    """Returns the same time a year earlier; of 29 February, that of the day before."""
    try:
        return moment.replace(year=moment.year - 1)
    except ValueError:
        return moment.replace(year=moment.year - 1, day=28)


def read_total(
    connection: Connection,
    app: App,
    question: Question,
    rates: Rates,
    since: datetime,
    until: datetime,
) -> Figures:
    """Adds up whole days from the rollups of days, and the rest from those of hours."""
    names = read_names(connection, app)
    last_midnight = midnight(until.date())
    total = replace(question, by=Interval.TOTAL, split=Split.NONE, then=())
    builder = ReportBuilder(total, names, rates, like=question)
    bounds = rollup_bounds(app, total, names)
    days = {**bounds, "grain": "day", "from": since, "until": last_midnight}
    hours = {**bounds, "grain": "hour", "from": last_midnight, "until": until}
    for part in (days, hours):
        builder.add_rollups(connection, part)
    return builder.total
