"""Completes a report: every hour or day of its period has a row, also where nothing happened."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from console.reports.bounds import midnight
from console.reports.costs.spending import has_costs
from console.reports.figures import Figures
from console.reports.question import Interval, Question
from console.reports.reach import reach_split
from console.reports.report import ROWS_MAX, Report, ReportRow
from console.reports.traffic import Traffic, has_traffic

_LENGTHS = {Interval.HOUR: timedelta(hours=1), Interval.DAY: timedelta(days=1)}


def bucket_starts(question: Question, now: datetime) -> list[datetime]:
    """Returns the starts of the hours or days of a period that have begun; a total has none."""
    length = _LENGTHS.get(question.by)
    if length is None:
        return []
    first = midnight(question.period.first)
    until = min(midnight(question.period.last + timedelta(days=1)), now.astimezone(UTC))
    return [first + length * number for number in range(-(-(until - first) // length))]


def is_so_far(question: Question, start: datetime, now: datetime) -> bool:
    """Tells whether an hour or day has begun and is not over."""
    return start <= now < start + _LENGTHS.get(question.by, timedelta(0))


def complete_report(report: Report, now: datetime) -> Report:
    """Returns the report with a row for each bucket and name, with zeros where nothing happened.

    A report that would have too many rows keeps those that it has, and says that it is incomplete.
    What lies in the future keeps its rows too, and gets no others.
    """
    question = report.question
    names = {row.names for row in report.rows} or (set() if question.splits else {()})
    starts = sorted(
        {*bucket_starts(question, now), *(row.start for row in report.rows if row.start)}
    )
    if not starts:
        return report
    found = {(row.start, row.names): row.figures for row in report.rows}
    is_complete = len(starts) * len(names) <= ROWS_MAX
    missing = [
        ReportRow(start, each, Figures())
        for start in (starts if is_complete else ())
        for each in names
        if (start, each) not in found
    ]
    rows = [
        ReportRow(
            row.start,
            row.names,
            _counted(row.figures, question),
            row.start is not None and is_so_far(question, row.start, now),
        )
        for row in (*report.rows, *missing)
    ]
    order = {(row.start, row.names): number for number, row in enumerate(report.rows)}
    last = len(order)
    rows.sort(
        key=lambda row: (row.start or now, order.get((row.start, row.names), last), row.names)
    )
    total = report.total if report.rows else _counted(report.total, question)
    return replace(report, rows=rows, total=total, is_complete=is_complete)


def _counted(figures: Figures, question: Question) -> Figures:
    """Returns metrics with zeros where users or clicks were counted and none was found."""
    if figures.users is None and reach_split(question):
        figures = replace(figures, users=0)
    if figures.traffic is None and has_traffic(question):
        figures = replace(figures, traffic=Traffic())
    if figures.cost is None and has_costs(question):
        figures = replace(figures, cost=Decimal(0))
    return figures
