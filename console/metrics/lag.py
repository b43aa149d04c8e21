"""Measures the lag of the pipeline: the backlog, the drain rate, and the time until it is empty."""

from collections import deque
from dataclasses import dataclass

from shared.inbox import Backlog

WINDOW_SECONDS = 30.0
EMPTY_SECONDS_MAX = 86_400.0  # a day, also for never: an autoscaler needs a number


@dataclass(frozen=True)
class Lag:
    """The lag of the pipeline at one moment.

    `drain_rate` is in events per second, over the last 30 seconds or since the exporter started.
    """

    backlog_events: int
    oldest_seconds: float
    drain_rate: float
    seconds_to_empty: float


@dataclass(frozen=True)
class _Sample:
    at_seconds: float
    backlog: Backlog

    @property
    def drained(self) -> int:
        """Returns the number of events that were ever removed from the inbox."""
        return self.backlog.accepted - self.backlog.events


class LagWindow:
    """Samples of the inbox, the newest last, as far back as WINDOW_SECONDS."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    @property
    def span_seconds(self) -> float:
        """Returns the time that the rate covers; 0 after the first sample, when it is not known."""
        if not self._samples:
            return 0.0
        return self._samples[-1].at_seconds - self._samples[0].at_seconds

    def add(self, backlog: Backlog, at_seconds: float) -> Lag:
        """Adds a sample and returns the current lag; `at_seconds` is of a monotonic clock."""
        sample = _Sample(at_seconds, backlog)
        if self._samples and sample.drained < self._samples[-1].drained:
            self._samples.clear()  # Redis has lost its data, or an older copy of it is back
        self._samples.append(sample)
        while self._samples[0].at_seconds < at_seconds - WINDOW_SECONDS:
            self._samples.popleft()
        drained = sample.drained - self._samples[0].drained
        rate = drained / self.span_seconds if self.span_seconds > 0 else 0.0
        seconds_to_empty = 0.0
        if backlog.events > 0:
            seconds = backlog.events / rate if rate > 0 else EMPTY_SECONDS_MAX
            seconds_to_empty = min(seconds, EMPTY_SECONDS_MAX)
        return Lag(backlog.events, backlog.oldest_ms / 1000, rate, seconds_to_empty)
