"""Compares a period with an earlier one, both up to the same hour: in total, and by name.

Rollups are per hour at the finest. So a period that is not over is compared up to the last full
hour, on both sides: the hour that has only begun is in neither.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from console.apps.apps import App
from console.rates import Rates
from console.reports.bounds import midnight, rollup_bounds
from console.reports.buckets import zero_filler
from console.reports.figures import Figures
from console.reports.filters import Split
from console.reports.question import Against, Interval, Question
from console.reports.report import ROWS_MAX, Comparison, Report, ReportRow, RowComparison
from console.reports.sums.catalog import Catalog
from console.reports.sums.report_builder import ReportBuilder
from console.reports.sums.report_reader import TOO_MANY_ROWS
from shared.database import Connection
from shared.errors import OperatorError
from shared.zones.app_days import AppDays


def compared(
    connection: Connection,
    app: App,
    report: Report,
    rates: Rates,
    catalog: Catalog,
    now: datetime,
) -> Report:
    """Returns the report with the comparison that its question asks for, if it does."""
    question = report.question
    spans = comparable_spans(question, now)
    if spans is None:
        return report
    (_, until), (earlier_since, earlier_until) = spans
    days = question.days
    is_over = until >= days.end(question.period.last)
    earlier = _read_sums(connection, app, question, rates, catalog, spans[1])
    if is_over and question.compares_rows:  # the report has just what would be read again
        total, rows = _without_users(report.total), report.rows
    else:
        current = _read_sums(connection, app, question, rates, catalog, spans[0])
        total, rows = current.total, current.rows()
    comparison = Comparison(
        first=days.day_of(earlier_since),
        last=days.day_of(earlier_until - timedelta(microseconds=1)),
        until=None if is_over else days.local(until),
        current=total,
        earlier=earlier.total,
    )
    if question.compares_rows:
        report = replace(report, rows=_compared_rows(report, rows, earlier.rows()))
    return replace(report, comparison=comparison)


def _compared_rows(
    report: Report, current: Iterable[ReportRow], earlier: Iterable[ReportRow]
) -> list[ReportRow]:
    """Returns the rows with what they were before, and then those that there were only before."""
    filled = zero_filler(report.question)
    now, before = ({row.names: row.figures for row in rows} for rows in (current, earlier))
    listed = {row.names for row in report.rows}
    others = [
        ReportRow(None, names, filled(Figures()))
        for names in dict.fromkeys((*before, *now))
        if names not in listed
    ]
    if len(listed) + len(others) > ROWS_MAX:
        raise OperatorError(TOO_MANY_ROWS)

    def sums(figures: Figures | None) -> Figures:
        return _without_users(filled(figures or Figures()))

    return [
        replace(
            row, comparison=RowComparison(sums(now.get(row.names)), sums(before.get(row.names)))
        )
        for row in (*report.rows, *others)
    ]


def _without_users(figures: Figures) -> Figures:
    """Returns metrics without those of unique users, which cannot be added up."""
    return replace(figures, users=None, revenue_per_user=None)


def comparable_spans(
    question: Question, now: datetime
) -> tuple[tuple[datetime, datetime], tuple[datetime, datetime]] | None:
    """Returns the times of the period and of the earlier one, or None if nothing is compared."""
    period, days = question.period, question.days
    since = days.start(period.first)
    until = min(days.end(period.last), days.hour_start(now))
    if question.against is Against.NOTHING or until <= since:
        return None
    last = days.day_of(until - timedelta(microseconds=1))
    if question.against is Against.PREVIOUS:
        length = timedelta(days=(last - period.first).days + 1)
        earlier_first, earlier_last = period.first - length, last - length
    else:
        earlier_first, earlier_last = _year_before(period.first), _year_before(last)
    return (since, until), (days.start(earlier_first), _same_hour(days, until, earlier_last))


def _same_hour(days: AppDays, until: datetime, day: date) -> datetime:
    """Returns the end of a day, or the hour of it at which the clock shows the time of `until`."""
    if until == days.start(days.day_of(until)):
        return days.end(day)
    return days.hour_start(days.at(day, days.local(until).time()))


def _year_before(day: date) -> date:
    """Returns the same day a year earlier; of 29 February, the day before."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def read_total(
    connection: Connection,
    app: App,
    question: Question,
    rates: Rates,
    catalog: Catalog,
    span: tuple[datetime, datetime],
) -> Figures:
    """Adds up whole days from the rollups of days, and the rest from those of hours."""
    return _read_sums(connection, app, question, rates, catalog, span).total


def _read_sums(
    connection: Connection,
    app: App,
    question: Question,
    rates: Rates,
    catalog: Catalog,
    span: tuple[datetime, datetime],
) -> ReportBuilder:
    """Adds up a span: by name if a question compares its rows, otherwise in total alone.

    Raises OperatorError for too many rows.
    """
    (since, until), names, days = span, catalog.names, app.days
    first, last = days.day_of(since), days.day_of(until)
    total = replace(question, by=Interval.TOTAL, time_zone=days.zone)
    if not question.compares_rows:
        total = replace(total, split=Split.NONE, then=())
    builder = ReportBuilder(total, names, rates, catalog.levels, like=question)
    bounds = rollup_bounds(app, total, names)
    whole_days = {**bounds, "grain": "day", "from": midnight(first), "until": midnight(last)}
    hours = {**bounds, "grain": "hour", "from": days.start(last), "until": until}
    for part in (whole_days, hours):
        if not builder.add_rollups(connection, part):
            raise OperatorError(TOO_MANY_ROWS)
    return builder
