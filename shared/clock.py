"""The one reader of the clock. Everything else is given the time, or this function."""

import time
from collections.abc import Callable

Clock = Callable[[], int]


def now_ms() -> int:
    """Unix time, UTC, in whole milliseconds."""
    return time.time_ns() // 1_000_000
