"""Completes a report: every hour or day of its period has a row, also where nothing happened."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from console.reports.costs.spending import has_costs
from console.reports.figures import NOTHING, Figures
from console.reports.question import Interval, Question
from console.reports.reach import reach_split
from console.reports.report import ROWS_MAX, Report, ReportRow
from console.reports.traffic import Traffic, has_traffic


def bucket_starts(question: Question, now: datetime) -> list[datetime]:
    """Returns the starts of the hours or days of a period that have begun; a total has none."""
    days, period = question.days, question.period
    dates = (period.first + timedelta(days=number) for number in range(period.days))
    match question.by:
        case Interval.HOUR:
            starts = (hour for day in dates for hour in days.hours(day))
        case Interval.DAY:
            starts = (days.start(day) for day in dates)
        case _:
            return []
    return [days.local(start) for start in starts if start < now]


def is_so_far(question: Question, start: datetime, now: datetime) -> bool:
    """Tells whether an hour or day has begun and is not over."""
    days = question.days
    match question.by:
        case Interval.HOUR:
            return start <= now < days.hour_end(start)
        case Interval.DAY:
            return start <= now < days.end(days.day_of(start))
        case _:
            return False


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
    order = {(row.start, row.names): number for number, row in enumerate(report.rows)}
    is_complete = len(starts) * len(names) <= ROWS_MAX
    missing = [
        ReportRow(start, each, Figures())
        for start in (starts if is_complete else ())
        for each in names
        if (start, each) not in order
    ]
    counted = zero_filler(question)
    so_far = {start for start in starts if is_so_far(question, start, now)}
    rows = [
        ReportRow(row.start, row.names, counted(row.figures), row.start in so_far)
        for row in (*report.rows, *missing)
    ]
    last = len(order)
    rows.sort(
        key=lambda row: (row.start or now, order.get((row.start, row.names), last), row.names)
    )
    total = report.total if report.rows else counted(report.total)
    return replace(report, rows=rows, total=total, is_complete=is_complete)


def zero_filler(question: Question) -> Callable[[Figures], Figures]:
    """Returns what sets zeros where users, clicks or costs were counted and none was found."""
    of_users, of_traffic = reach_split(question) is not None, has_traffic(question)
    of_costs = has_costs(question)

    def counted(figures: Figures) -> Figures:
        if figures.users is None and of_users:
            figures = replace(figures, users=0)
        if figures.traffic is None and of_traffic:
            figures = replace(figures, traffic=Traffic())
        if figures.cost is None and of_costs:
            figures = replace(figures, cost=NOTHING)
        return figures

    return counted
