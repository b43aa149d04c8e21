"""Reads the clock, as the only module: everything else is given the time, or this function."""

import time
from collections.abc import Callable

Clock = Callable[[], int]


def now_ms() -> int:
    """Returns the Unix time, UTC, in whole milliseconds."""
    return time.time_ns() // 1_000_000
