"""Lays out a user's timeline as a chart: a lane for each kind of entry, time from left to right."""

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
_MARK_WIDTH = 8  # of an entry without a duration
_TICKS = 5


@dataclass(frozen=True)
class TimelineMark:
    """A mark from `x`, `width` wide. `title` is its tooltip."""

    x: float
    width: float
    title: str
    superseded: bool


@dataclass(frozen=True)
class Strip:
    """A lane with its marks, its middle at `y`."""

    lane: Lane
    y: int
    marks: tuple[TimelineMark, ...]


@dataclass(frozen=True)
class TimelineTick:
    x: float
    label: str


@dataclass(frozen=True)
class TimelineChart:
    """The whole chart, `width` by `height` units; lanes begin at `left`, the axis is at `axis`."""

    width: int
    height: int
    left: int
    axis: int
    strips: tuple[Strip, ...]
    ticks: tuple[TimelineTick, ...]


def draw(entries: Sequence[TimelineEntry]) -> TimelineChart | None:
    """Returns the chart of a timeline, or None if there are no entries."""
    if not entries:
        return None
    scale = _Scale(
        min(entry.time for entry in entries),
        max(entry.end or entry.time for entry in entries),
    )
    strips = tuple(
        Strip(
            lane,
            _TOP + number * LANE_HEIGHT + LANE_HEIGHT // 2,
            tuple(_mark(entry, scale) for entry in entries if entry.lane is lane),
        )
        for number, lane in enumerate(Lane)
    )
    axis = _TOP + len(strips) * LANE_HEIGHT
    return TimelineChart(WIDTH, axis + _AXIS_HEIGHT, LABEL_WIDTH, axis, strips, scale.ticks())


@dataclass(frozen=True)
class _Scale:
    """The mapping of times to positions along the axis."""

    first: datetime
    last: datetime

    @property
    def span(self) -> timedelta:
        return self.last - self.first

    def x(self, time: datetime) -> float:
        """Returns the position of a time; if all times are equal, that is the left edge."""
        share = (time - self.first) / self.span if self.span else 0.0
        return round(LABEL_WIDTH + share * (WIDTH - LABEL_WIDTH - _RIGHT), 1)

    def ticks(self) -> tuple[TimelineTick, ...]:
        steps = _TICKS - 1 if self.span else 0
        times = [self.first + self.span * (step / max(steps, 1)) for step in range(steps + 1)]
        if self.span < timedelta(minutes=10):
            form = "%H:%M:%S"
        else:
            form = "%d %b %H:%M" if self.span < timedelta(days=60) else "%d %b %Y"
        return tuple(TimelineTick(self.x(time), f"{time.astimezone(UTC):{form}}") for time in times)


def _mark(entry: TimelineEntry, scale: _Scale) -> TimelineMark:
    x = scale.x(entry.time)
    width = max(scale.x(entry.end) - x, _MARK_WIDTH) if entry.end else _MARK_WIDTH
    title = f"{entry.time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC: {entry.kind}, {entry.lines[0]}"
    return TimelineMark(x, width, title, entry.superseded)
