"""What drains count: how long events waited, what became of them, what took how long."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shared import metrics
from shared.clock import Clock, now_ms
from shared.inbox import Entry
from shared.tally import Histogram, Tally
from shared.vocabulary import DrainOutcome
from workers.decisions.write import Rules
from workers.facts.record import Recorded


class DrainCounts:
    """`now` is the clock of this host; arrival is by that of Redis, so a wait is never below 0.

    The lanes of a drain count at once, and a sum that two add to loses one of them: hence the lock.
    """

    def __init__(self, tally: Tally, now: Clock = now_ms) -> None:
        self._tally = tally
        self._now = now
        self._lock = threading.Lock()

    def taken(self, entries: Sequence[Entry]) -> None:
        """From the inbox, by this worker."""
        self._waited(metrics.QUEUE_WAIT_SECONDS, entries)

    def settled(self, entries: Sequence[Entry], recorded: Recorded) -> None:
        """Removed from the inbox, every event of them in a table."""
        self._waited(metrics.EVENT_DELAY_SECONDS, entries)
        events = sum(entry.count for entry in entries)
        self._tally.histogram(metrics.DRAIN_EVENTS).observe(events)
        self._tally.counter(metrics.EVENTS, DrainOutcome.RECORDED).add(recorded.events)
        self._tally.counter(metrics.EVENTS, DrainOutcome.DUPLICATE).add(recorded.duplicates)
        self._tally.counter(metrics.EVENTS, DrainOutcome.QUARANTINED).add(recorded.quarantined)

    def decided(self, rules: Rules) -> None:
        with self._lock:
            for rule, count in rules.items():
                self._tally.counter(metrics.ATTRIBUTIONS, rule).add(count)

    def retried(self) -> None:
        with self._lock:
            self._tally.counter(metrics.DRAIN_RETRIES).add()

    @contextmanager
    def timed(self, metric: metrics.Metric) -> Iterator[None]:
        """Counts how long what runs inside takes, unless it fails."""
        begun = time.monotonic()
        yield
        seconds = time.monotonic() - begun
        with self._lock:
            self._tally.histogram(metric).observe(seconds)

    def _waited(self, metric: metrics.Metric, entries: Sequence[Entry]) -> None:
        now = self._now()
        waits: Histogram = self._tally.histogram(metric)
        for entry in entries:
            waits.observe(max(0, now - entry.time_ms) / 1000, entry.count)
