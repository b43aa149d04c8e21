"""A timeline as a picture: a lane for each sort of thing, time from left to right."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from console.lookup.timeline_words import Lane, TimelineEntry

WIDTH = 960
LANE_HEIGHT = 34
LABEL_WIDTH = 104
_RIGHT = 24
_TOP = 8
_AXIS_HEIGHT = 30
_MARK = 8  # of what has no length
_TICKS = 5


@dataclass(frozen=True)
class TimelineMark:
    """At `x`, so wide. `title` is what it says when it is pointed at."""

    x: float
    width: float
    title: str
    superseded: bool


@dataclass(frozen=True)
class Strip:
    """One lane, its middle at `y`."""

    lane: Lane
    y: int
    marks: tuple[TimelineMark, ...]


@dataclass(frozen=True)
class TimelineTick:
    x: float
    label: str


@dataclass(frozen=True)
class Picture:
    """In units of the picture: WIDTH by `height`."""

    height: int
    axis: int
    strips: tuple[Strip, ...]
    ticks: tuple[TimelineTick, ...]


def draw(moments: Sequence[TimelineEntry]) -> Picture | None:
    """None for nothing."""
    if not moments:
        return None
    scale = _Scale(
        min(moment.time for moment in moments),
        max(moment.end or moment.time for moment in moments),
    )
    strips = tuple(
        Strip(lane, _TOP + number * LANE_HEIGHT + LANE_HEIGHT // 2, _marks(lane, moments, scale))
        for number, lane in enumerate(Lane)
    )
    axis = _TOP + len(strips) * LANE_HEIGHT
    return Picture(axis + _AXIS_HEIGHT, axis, strips, scale.ticks())


@dataclass(frozen=True)
class _Scale:
    first: datetime
    last: datetime

    @property
    def span(self) -> timedelta:
        return self.last - self.first

    def x(self, time: datetime) -> float:
        """What happened at one moment alone stands at the left."""
        share = (time - self.first) / self.span if self.span else 0.0
        return round(LABEL_WIDTH + share * (WIDTH - LABEL_WIDTH - _RIGHT), 1)

    def ticks(self) -> tuple[TimelineTick, ...]:
        steps = _TICKS - 1 if self.span else 0
        times = [self.first + self.span * (step / max(steps, 1)) for step in range(steps + 1)]
        return tuple(TimelineTick(self.x(time), self._label(time)) for time in times)

    def _label(self, time: datetime) -> str:
        utc = time.astimezone(UTC)
        if self.span < timedelta(minutes=10):
            return f"{utc:%H:%M:%S}"
        return f"{utc:%d %b %H:%M}" if self.span < timedelta(days=60) else f"{utc:%d %b %Y}"


def _marks(lane: Lane, moments: Sequence[TimelineEntry], scale: _Scale) -> tuple[TimelineMark, ...]:
    return tuple(_mark(moment, scale) for moment in moments if moment.lane is lane)


def _mark(moment: TimelineEntry, scale: _Scale) -> TimelineMark:
    x = scale.x(moment.time)
    width = max(scale.x(moment.end) - x, _MARK) if moment.end else _MARK
    title = f"{moment.time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC: {moment.kind}, {moment.lines[0]}"
    return TimelineMark(x, width, title, moment.superseded)
