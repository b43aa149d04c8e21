"""Looks at a store again and again in a thread of its own, and keeps what it saw last.

So an answer never waits for a store, and a store that hangs takes nothing else along.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.tally import MetricSeries

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sight:
    """What was seen, and when, on a clock that only goes forward."""

    series: list[MetricSeries]
    at_seconds: float


class Observer:
    """`look` reads the store called `name`; what it saw counts for `fresh_seconds_max`."""

    def __init__(
        self,
        name: str,
        look: Callable[[], list[MetricSeries]],
        pause_seconds: float,
        fresh_seconds_max: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._look = look
        self._pause_seconds = pause_seconds
        self._fresh_seconds_max = fresh_seconds_max
        self._clock = clock
        self._sight: Sight | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"looks at {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self) -> None:
        """Until a look that is under way has ended."""
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def seen(self) -> list[MetricSeries] | None:
        """None while the store does not answer, or has not for too long."""
        sight = self._sight
        if sight is None or self._clock() - sight.at_seconds > self._fresh_seconds_max:
            return None
        return sight.series

    def look(self) -> None:
        """Once. A store that fails is one that does not answer, whatever its fault: the thread has
        to go on looking, for the next look may find it mended.
        """
        try:
            self._sight = Sight(self._look(), self._clock())
        except Exception as fault:  # noqa: BLE001 - see above
            if self._sight is not None:
                _log.warning("%s does not answer: %s", self.name, type(fault).__name__)
            self._sight = None

    def _run(self) -> None:
        while True:
            self.look()
            if self._stop.wait(self._pause_seconds):
                return
