"""Reads a store at intervals in a thread of its own and keeps the last result.

So an answer never waits for a store, and a store that hangs affects nothing else.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.tally import MetricSeries

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observation:
    """The metrics that were read, and the time of a monotonic clock."""

    series: list[MetricSeries]
    at_seconds: float


class Observer:
    """A thread that calls `read` on the store called `name`.

    An observation is valid for `fresh_seconds_max`.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], list[MetricSeries]],
        pause_seconds: float,
        fresh_seconds_max: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._read = read
        self._pause_seconds = pause_seconds
        self._fresh_seconds_max = fresh_seconds_max
        self._clock = clock
        self._observation: Observation | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"observes {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self) -> None:
        """Waits until an observation that is under way has ended."""
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def latest(self) -> list[MetricSeries] | None:
        """Returns the last metrics, or None while the store does not answer or they are too old."""
        observation = self._observation
        if observation is None:
            return None
        is_fresh = self._clock() - observation.at_seconds <= self._fresh_seconds_max
        return observation.series if is_fresh else None

    def observe(self) -> None:
        """Reads the store once.

        Any error counts as a store that does not answer: the thread has to continue, because the
        error may be gone at the next observation.
        """
        try:
            self._observation = Observation(self._read(), self._clock())
        except Exception as error:  # noqa: BLE001 - see above
            if self._observation is not None:
                _log.warning("%s does not answer: %s", self.name, type(error).__name__)
            self._observation = None

    def _run(self) -> None:
        while True:
            self.observe()
            if self._stop.wait(self._pause_seconds):
                return
