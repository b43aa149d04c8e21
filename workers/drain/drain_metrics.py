"""Counts what drains do: how long events waited, their outcome, and how long each step took."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from shared import metrics
from shared.clock import Clock, now_ms
from shared.inbox import Entry
from shared.tally import Histogram, Tally
from shared.vocabulary import DrainOutcome
from workers.decisions.write import Rules
from workers.facts.record import Recorded


class DrainMetrics:
    """The metrics of the drains of a worker.

    `now` is this host's clock, while arrival times are by the clock of Redis: a wait is therefore
    never below 0. The lanes of a drain count concurrently, and without the lock an addition could
    be lost.
    """

    def __init__(self, tally: Tally, now: Clock = now_ms) -> None:
        self._tally = tally
        self._now = now
        self._lock = threading.Lock()

    def count_read(self, entries: Sequence[Entry]) -> None:
        """Counts entries that this worker has read from the inbox."""
        self._observe_waits(metrics.QUEUE_WAIT_SECONDS, entries)

    def count_acknowledged(self, entries: Sequence[Entry], recorded: Recorded) -> None:
        """Counts entries that were removed from the inbox, with every event of them in a table."""
        self._observe_waits(metrics.EVENT_DELAY_SECONDS, entries)
        events = sum(entry.count for entry in entries)
        self._tally.histogram(metrics.DRAIN_EVENTS).observe(events)
        self._tally.counter(metrics.EVENTS, DrainOutcome.RECORDED).add(recorded.events)
        repeats = recorded.duplicates - recorded.conflicts
        self._tally.counter(metrics.EVENTS, DrainOutcome.DUPLICATE).add(repeats)
        self._tally.counter(metrics.EVENTS, DrainOutcome.CONFLICT).add(recorded.conflicts)
        self._tally.counter(metrics.EVENTS, DrainOutcome.QUARANTINED).add(recorded.quarantined)

    def count_decisions(self, rules: Rules) -> None:
        """Counts new attributions by rule."""
        with self._lock:
            for rule, count in rules.items():
                self._tally.counter(metrics.ATTRIBUTIONS, rule).add(count)

    def count_retry(self) -> None:
        """Counts a group that is tried again."""
        with self._lock:
            self._tally.counter(metrics.DRAIN_RETRIES).add()

    @contextmanager
    def measure_time(self, metric: metrics.Metric) -> Iterator[None]:
        """Measures the duration of the block, unless it fails."""
        started_at = monotonic()
        yield
        seconds = monotonic() - started_at
        with self._lock:
            self._tally.histogram(metric).observe(seconds)

    def _observe_waits(self, metric: metrics.Metric, entries: Sequence[Entry]) -> None:
        now = self._now()
        waits: Histogram = self._tally.histogram(metric)
        for entry in entries:
            waits.observe(max(0, now - entry.time_ms) / 1000, entry.count)
