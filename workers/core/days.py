"""Days, as everything that is counted or looked up by day has them: of UTC."""

from datetime import date

from workers.core.rules import DAY_MS

STRETCH_DAYS = 10  # as the index of clicks by their device ids has it

_EPOCH = date(1970, 1, 1).toordinal()


def utc_day(time_ms: int) -> date:
    """Of a moment in Unix milliseconds."""
    return date.fromordinal(_EPOCH + time_ms // DAY_MS)


def utc_days(from_ms: int, to_ms: int) -> list[date]:
    """Each day that has a moment of these, both included, in order."""
    numbers = range(from_ms // DAY_MS, to_ms // DAY_MS + 1)
    return [date.fromordinal(_EPOCH + number) for number in numbers]


def stretches(from_ms: int, to_ms: int) -> list[int]:
    """The stretches of days that have a moment of these, both included: their numbers since 1970.

    Further back than a few days, this is how clicks are looked for: fewer than days, and still no
    more of them the longer clicks are kept.
    """
    length_ms = STRETCH_DAYS * DAY_MS
    return list(range(from_ms // length_ms, to_ms // length_ms + 1))
