"""Reads days and times that people and programs give: in one place, and within bounds.

The years before and after the bounds are nobody's measurement, and arithmetic with them ends beyond
what Python and PostgreSQL can hold.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

import msgspec

from shared.errors import BadValue
from shared.zones.app_days import UTC_DAYS, AppDays

DAY_MIN = date(1970, 1, 1)
DAY_MAX = date(2199, 12, 31)
_BOUNDS = f"from {DAY_MIN} to {DAY_MAX}"
_MICROSECOND = timedelta(microseconds=1)
_DAY_CHARACTERS = len("2026-11-28")


def read_day(name: str, text: str | None) -> date | None:
    """Reads a day; no text is none. Raises BadValue."""
    if not text:
        return None
    try:
        return checked_day(name, date.fromisoformat(text))
    except ValueError:
        raise BadValue(name, f"must be a date {_BOUNDS}, such as 2026-11-28.") from None


def read_moment(
    name: str, text: str | None, days: AppDays = UTC_DAYS, *, end_of_day: bool = False
) -> datetime | None:
    """Reads a day or a time of a clock; a day that ends a period is part of it, the next is not.

    Raises BadValue.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        day = checked_day(name, moment.date())  # before anything is calculated with it
        if len(text) == _DAY_CHARACTERS:
            return days.end(day) - _MICROSECOND if end_of_day else days.start(day)
        if moment.tzinfo is None:
            return days.at(day, moment.time())
        return checked_moment(name, moment)
    except ValueError:
        rule = f"must be a day or a time {_BOUNDS}, such as 2026-11-28 or 2026-11-28T14:05."
        raise BadValue(name, rule) from None


def checked_day(name: str, day: date) -> date:
    """Returns a day within the bounds. Raises BadValue."""
    if not DAY_MIN <= day <= DAY_MAX:
        raise BadValue(name, f"must be {_BOUNDS}.")
    return day


def checked_moment(name: str, moment: datetime) -> datetime:
    """Returns a time within the bounds, in UTC, as is one without a zone. Raises BadValue."""
    checked_day(name, moment.date())  # before anything is calculated with it
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    checked_day(name, moment.date())
    return moment


def check_times(value: object) -> None:
    """Checks every day and time in what a program has sent, at any depth. Raises BadValue."""
    document = msgspec.to_builtins(value, builtin_types=(date, datetime), str_keys=True)
    for name, found in _leaves("time", document):
        if isinstance(found, datetime):
            checked_moment(name, found)
        elif isinstance(found, date):
            checked_day(name, found)


def _leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    match value:
        case Mapping():
            for key, part in value.items():
                yield from _leaves(str(key), part)
        case list() | tuple():
            for part in value:
                yield from _leaves(name, part)
        case _:
            yield name, value
