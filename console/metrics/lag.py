"""The lag of the pipeline: what waits, how fast it goes, and how long that will take."""

from collections import deque
from dataclasses import dataclass

from shared.inbox import Backlog

WINDOW_SECONDS = 30.0
EMPTY_SECONDS_MAX = 86_400.0  # a day, or never: an autoscaler needs a number


@dataclass(frozen=True)
class Lag:
    """`drain_rate` in events a second, over the last 30 seconds or since the exporter began."""

    backlog_events: int
    oldest_seconds: float
    drain_rate: float
    seconds_to_empty: float


@dataclass(frozen=True)
class _Look:
    at_seconds: float
    backlog: Backlog

    @property
    def left(self) -> int:
        """Events that were ever removed from the inbox."""
        return self.backlog.accepted - self.backlog.events


class LagWindow:
    """Looks at the inbox, the newest last, as far back as the window."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque()

    @property
    def span_seconds(self) -> float:
        """Over how long the rate was seen; 0 after the first look, when it is not known."""
        return self._looks[-1].at_seconds - self._looks[0].at_seconds if self._looks else 0.0

    def add(self, backlog: Backlog, at_seconds: float) -> Lag:
        """What holds now; `at_seconds` on a clock that only goes forward."""
        look = _Look(at_seconds, backlog)
        if self._looks and look.left < self._looks[-1].left:
            self._looks.clear()  # Redis has lost its data, or an older copy of it is back
        self._looks.append(look)
        while self._looks[0].at_seconds < at_seconds - WINDOW_SECONDS:
            self._looks.popleft()
        return _lag(self._looks[0], look)


def _lag(first: _Look, last: _Look) -> Lag:
    seconds = last.at_seconds - first.at_seconds
    rate = (last.left - first.left) / seconds if seconds > 0 else 0.0
    events = last.backlog.events
    return Lag(events, last.backlog.oldest_ms / 1000, rate, _seconds_to_empty(events, rate))


def _seconds_to_empty(events: int, rate: float) -> float:
    if events <= 0:
        return 0.0
    return min(EMPTY_SECONDS_MAX, events / rate) if rate > 0 else EMPTY_SECONDS_MAX
