"""Decides when a failed callback is tried again: pure.

The delays are those of Standard Webhooks 1.0, about 75 hours in all, with full jitter: each is
drawn between half of the delay and the whole, so that what failed together does not come back
together, and so that the attempts span at least 24 hours however they are drawn.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MINUTE, HOUR = 60, 3_600
DELAYS_SECONDS = (
    5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
)  # fmt: skip
ATTEMPTS_MAX = len(DELAYS_SECONDS) + 1
RETRY_AFTER_SECONDS_MAX = 24 * HOUR

Random = Callable[[], float]  # from 0 to 1


def delay_seconds(
    attempts: int, retry_after: str | None, now_seconds: float, random: Random
) -> float | None:
    """Returns how long to wait after so many attempts; None: it has failed for good.

    Whoever replays what has failed begins another round of attempts.
    """
    turn = attempts % ATTEMPTS_MAX
    if turn == 0:
        return None
    whole = DELAYS_SECONDS[turn - 1]
    drawn = whole / 2 + random() * whole / 2
    return max(drawn, wished_seconds(retry_after, now_seconds))


def wished_seconds(retry_after: str | None, now_seconds: float) -> float:
    """Reads Retry-After, in seconds or as a date; 0 if there is none that can be read."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        digits = text.lstrip("0")[:9]  # more are too many whatever they are
        return float(min(int(digits or 0), RETRY_AFTER_SECONDS_MAX))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for numbers that no date has
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wait = (moment - datetime.fromtimestamp(now_seconds, UTC)).total_seconds()
    return min(max(wait, 0.0), RETRY_AFTER_SECONDS_MAX)
