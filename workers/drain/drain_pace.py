"""Measures how much a drain stores in a second: as much as parked apps are released at a time."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from shared.inbox import Entry

_EVENTS_MIN = 250  # at a time: less would cost more for each event
_EVENTS_FIRST = 1_000


class DrainPace:
    """The pace of a drain, of at most `held_max` events at a time."""

    def __init__(self, held_max: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._held_max = held_max
        self._clock = clock
        self.events_max = min(_EVENTS_FIRST, held_max)

    @contextmanager
    def measured(self, entries: Sequence[Entry]) -> Iterator[None]:
        """Measures the time that the entries take."""
        begun = self._clock()
        yield
        events = sum(entry.count for entry in entries)
        per_second = events / max(self._clock() - begun, 0.001)
        # A few events say little of what many would take.
        if events >= self.events_max // 2 or per_second > self.events_max:
            self.events_max = max(_EVENTS_MIN, min(self._held_max, round(per_second)))

    def transaction_events(self, entries: Sequence[Entry], events_max: int, lanes: int) -> int:
        """Returns how many events a transaction takes, so that every lane has one."""
        events = sum(entry.count for entry in entries)
        return min(events_max, max(_EVENTS_MIN, -(-events // lanes)))
