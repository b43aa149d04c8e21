"""Translates a question into the arguments of the statements that read rollups."""

from datetime import UTC, date, datetime, timedelta

from console.apps.apps import App
from console.reports.names import Names
from console.reports.question import Interval, Question
from console.reports.sums.conditions import filter_arguments


def rollup_bounds(app: App, question: Question, names: Names) -> dict[str, object]:
    """Returns the arguments that select the rollups of a question.

    Raises OperatorError when a filter names something that does not exist.
    """
    return {
        "app_id": app.id,
        "environment": question.environment,
        "grain": "hour" if question.by is Interval.HOUR else "day",
        "from": midnight(question.period.first),
        "until": midnight(question.period.last + timedelta(days=1)),
        **filter_arguments(question.filters, names),
    }


def moment_of(ms: int) -> datetime:
    """Returns a time of the clock, which counts milliseconds since 1970, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def midnight(day: date) -> datetime:
    """Returns the first moment of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
