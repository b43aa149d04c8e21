"""Translates a question into the arguments of the statements that read rollups."""

from datetime import UTC, date, datetime, timedelta

from console.apps.apps import App
from console.reports.names import Names, country_key
from console.reports.question import Interval, Question


def rollup_bounds(app: App, question: Question, names: Names) -> dict[str, object]:
    """Returns the arguments that select the rollups of a question.

    Raises OperatorError when a filter names something that does not exist.
    """
    filters = question.filters
    source = names.source_filter(filters.partner, filters.link)
    return {
        "app_id": app.id,
        "environment": question.environment,
        "grain": "hour" if question.by is Interval.HOUR else "day",
        "from": midnight(question.period.first),
        "until": midnight(question.period.last + timedelta(days=1)),
        "link_ids": source and list(source.link_ids),
        "partner_id": source and source.partner_id,
        "source": source and source.source,
        "campaign": filters.campaign,
        "sub_id": filters.sub_id,
        "country": None if filters.country is None else country_key(filters.country),
        "event": None if filters.event is None else names.event_key(filters.event),
    }


def moment_of(ms: int) -> datetime:
    """Returns a time of the clock, which counts milliseconds since 1970, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def midnight(day: date) -> datetime:
    """Returns the first moment of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
