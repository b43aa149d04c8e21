"""Translates a question into the arguments of the statements that read rollups."""

from datetime import UTC, date, datetime, timedelta

from console.apps.apps import App
from console.reports.names import Names
from console.reports.question import Interval, Question
from console.reports.sums.conditions import filter_arguments


def rollup_bounds(app: App, question: Question, names: Names) -> dict[str, object]:
    """Returns the arguments that select the rollups of a question: of hours by their moments.

    Raises OperatorError when a filter names something that does not exist.
    """
    is_hourly, period = question.by is Interval.HOUR, question.period
    return {
        "app_id": app.id,
        "environment": question.environment,
        "grain": "hour" if is_hourly else "day",
        "from": app.days.start(period.first) if is_hourly else midnight(period.first),
        "until": app.days.end(period.last)
        if is_hourly
        else midnight(period.last + timedelta(days=1)),
        **filter_arguments(question.filters, names),
    }


def moment_of(ms: int) -> datetime:
    """Returns a time of the clock, which counts milliseconds since 1970, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def midnight(day: date) -> datetime:
    """Returns what a day is called in rollups, in any time zone: its date at midnight UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
