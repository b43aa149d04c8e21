"""Converts moments to UTC days, by which everything daily is counted and looked up."""

from datetime import date
from functools import lru_cache

from workers.core.rules import DAY_MS

STRETCH_DAYS = 10  # as in the index of clicks by device id

_EPOCH = date(1970, 1, 1).toordinal()


def utc_day(time_ms: int) -> date:
    """Returns the UTC day of a moment in Unix milliseconds."""
    return date.fromordinal(_EPOCH + time_ms // DAY_MS)


def utc_days(from_ms: int, to_ms: int) -> tuple[date, ...]:
    """Returns each day from one moment to another, both included, in order."""
    return _days(from_ms // DAY_MS, to_ms // DAY_MS)


# Nearly all facts of a drain are of one or two days: 1.1 us a list of them, 0.2 us a cached one.
@lru_cache(maxsize=1_024)
def _days(first: int, last: int) -> tuple[date, ...]:
    return tuple(date.fromordinal(_EPOCH + number) for number in range(first, last + 1))


def stretches(from_ms: int, to_ms: int) -> list[int]:
    """Returns the stretches of days from one moment to another, numbered since 1970.

    Both ends are included. Clicks that may be more than a few days old are looked up by stretch:
    there are fewer stretches than days, and their number does not grow the longer clicks are kept.
    """
    length_ms = STRETCH_DAYS * DAY_MS
    return list(range(from_ms // length_ms, to_ms // length_ms + 1))
