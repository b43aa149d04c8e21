"""Reads the days and times by which people limit a list."""

from datetime import UTC, datetime, timedelta

from shared.errors import BadValue

_YEAR_MIN = 1970
_DAY_CHARACTERS = len("2026-11-28")


def read_moment(name: str, text: str | None, *, end_of_day: bool = False) -> datetime | None:
    """Reads a day or a time in UTC; a day that ends a period is part of it, the next is not.

    Raises BadValue.
    """
    if not text:
        return None
    try:
        moment = in_utc(datetime.fromisoformat(text))
        if moment.year < _YEAR_MIN:  # a period before it would begin before year 1
            raise ValueError
        is_day = end_of_day and len(text) == _DAY_CHARACTERS
        return moment + timedelta(days=1, microseconds=-1) if is_day else moment
    except (ValueError, OverflowError):
        rule = "must be a day or a time in UTC, such as 2026-11-28 or 2026-11-28T14:05."
        raise BadValue(name, rule) from None


def in_utc(moment: datetime) -> datetime:
    """Returns the moment; one without a zone is in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
