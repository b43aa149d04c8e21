"""Leads from the rows of reports to the events that they count."""

from collections.abc import Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

from console.apps.apps import App
from console.reports.filters import Split
from console.reports.question import Interval, Question
from console.reports.report import Report, ReportRow
from shared.zones.app_days import UTC_ZONE

# What the list of events can be filtered by; campaigns and sub IDs belong to clicks.
_LISTED = (Split.PARTNER, Split.LINK, Split.COUNTRY, Split.EVENT)


def row_paths(app: App, report: Report) -> list[str]:
    """Returns for each row the path of its events, with the filters of the report and its names.

    It is "" where the list of events has no such filter: it takes a single value of each.
    """
    return [_row_path(app, report.question, row) for row in report.rows]


def day_paths(app: App, environment: str, days: Sequence[date]) -> list[str]:
    """Returns for each day the path of its events."""
    return [_path(app, {"environment": environment, "from": day, "to": day}) for day in days]


def _row_path(app: App, question: Question, row: ReportRow) -> str:
    filters = question.filters
    unclear = filters.filtered - filters.single - question.told_apart
    if question.dimensions - {*_LISTED} or unclear:
        return ""
    names = {str(split): chosen.only[0] for split, chosen in filters if chosen.is_of_one}
    # A row lies within the filters of the same kind.
    names |= {str(split): name for split, name in zip(question.splits, row.names, strict=True)}
    return _path(app, {"environment": question.environment, **_times(question, row), **names})


def _times(question: Question, row: ReportRow) -> dict[str, object]:
    if row.start is None:
        return {"from": question.period.first, "to": question.period.last}
    if question.by is Interval.DAY:
        return {"from": row.start.date(), "to": row.start.date()}
    # The end of a period is part of it. Two hours of a day may have one name.
    start, end = row.start, question.days.hour_end(row.start) - timedelta(microseconds=1)
    if question.time_zone == UTC_ZONE:
        start, end = start.replace(tzinfo=None), end.replace(tzinfo=None)
    return {"from": start.isoformat(), "to": end.isoformat()}


def _path(app: App, query: dict[str, object]) -> str:
    return f"/apps/{app.id}/events/log?{urlencode(query)}"
