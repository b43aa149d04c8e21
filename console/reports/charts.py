"""Computes the geometry of charts, which a template draws as SVG. Units are those of its viewBox.

Colours are classes of the style sheet, so that one chart serves the light and the dark theme. The
same values are also in a table beside the chart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

WIDTH = 720
LINES_HEIGHT = 240
SERIES_MAX = 6
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 28
_X_LABELS_MAX = 8
SMALLEST = 1e-6  # amounts have six decimal places
_STEPS = (1, 2, 2.5, 5, 10)
_BAR_HEIGHT, _BAR_GAP, _BAR_LEFT, _BAR_RIGHT = 18, 8, 190, 96
_CELL_WIDTH, _CELL_HEIGHT, _CELL_LEFT, _CELL_TOP = 18.5, 18, 132, 22
HEAT_LEVELS = 10


@dataclass(frozen=True)
class ChartSeries:
    """Values in order, None where there is none, and a label for each of them."""

    name: str
    values: Sequence[float | None]
    labels: Sequence[str]


@dataclass(frozen=True)
class AxisTick:
    """A label of an axis and its coordinate."""

    at: float
    label: str


@dataclass(frozen=True)
class Dot:
    """A point of a line, with its tooltip."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class ChartLine:
    """A series drawn as SVG paths, one for each stretch without gaps. `number` is its colour's.

    `so_far` is the path to a last point that is not over, or "".
    """

    name: str
    number: int
    paths: Sequence[str]
    dots: Sequence[Dot]
    so_far: str = ""


@dataclass(frozen=True)
class LineChart:
    """Lines over time, with the ticks of both axes.

    `names` are those of the positions, `series` the values that the lines are drawn from.
    """

    title: str
    description: str
    lines: Sequence[ChartLine]
    x_ticks: Sequence[AxisTick]
    y_ticks: Sequence[AxisTick]
    names: Sequence[str] = ()
    series: Sequence[ChartSeries] = ()
    width: int = WIDTH
    height: int = LINES_HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = LINES_HEIGHT - _BOTTOM

    @property
    def plot(self) -> dict[str, object]:
        """Returns what a script needs to draw the chart."""
        return {
            "names": self.names,
            "lines": [
                {"number": line.number, "values": each.values, "labels": each.labels}
                for line, each in zip(self.lines, self.series, strict=True)
            ],
            "so_far": any(line.so_far for line in self.lines),
        }


@dataclass(frozen=True)
class Bar:
    """A horizontal bar and the label behind it."""

    name: str
    y: float
    width: float
    label: str


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars, the largest value first."""

    title: str
    description: str
    bars: Sequence[Bar]
    height: int
    width: int = WIDTH
    left: int = _BAR_LEFT
    bar_height: int = _BAR_HEIGHT


@dataclass(frozen=True)
class HeatMapCell:
    """A square of a heat map.

    `level` is the strength of its colour, 0 to HEAT_LEVELS; None where the value is not known yet.
    """

    x: float
    y: float
    level: int | None
    label: str


@dataclass(frozen=True)
class HeatMap:
    """Squares in rows and columns, coloured by their value."""

    title: str
    description: str
    cells: Sequence[HeatMapCell]
    rows: Sequence[AxisTick]
    columns: Sequence[AxisTick]
    height: int
    width: int = WIDTH
    cell_width: float = _CELL_WIDTH - 1.5
    cell_height: float = _CELL_HEIGHT - 1.5


def line_chart(
    title: str, names: Sequence[str], series: Sequence[ChartSeries], *, so_far: bool = False
) -> LineChart:
    """Lays out lines over an x axis whose positions have `names`; negative values count as zero.

    With `so_far`, the last position is not over, and the way to it is a path of its own.
    """
    largest = max((value or 0 for line in series for value in line.values), default=0)
    step = nice_step(largest)
    scale = (LINES_HEIGHT - _BOTTOM - _TOP) / (step * 4)

    def x(position: int) -> float:
        width = WIDTH - _LEFT - _RIGHT
        along = width * position / (len(names) - 1) if len(names) > 1 else width / 2
        return round(_LEFT + along, 1)

    def y(value: float) -> float:
        return round(LINES_HEIGHT - _BOTTOM - max(value, 0) * scale, 1)

    def line(number: int, line: ChartSeries) -> ChartLine:
        dots = [
            None if value is None else Dot(x(position), y(value), f"{names[position]}: {label}")
            for position, (value, label) in enumerate(zip(line.values, line.labels, strict=True))
        ]
        over, last = (dots[:-1], dots[-2:]) if so_far else (dots, [])
        known = [dot for dot in dots if dot]
        return ChartLine(line.name, number, _paths(over), known, "".join(_paths(last)))

    every = -(-len(names) // _X_LABELS_MAX) or 1
    return LineChart(
        title,
        f"Lines from {names[0]} to {names[-1]}; the table below has the values." if names else "",
        [line(number, values) for number, values in enumerate(series, start=1)],
        [AxisTick(x(position), names[position]) for position in range(0, len(names), every)],
        [AxisTick(y(step * n), short_number(step * n)) for n in range(5)],
        names,
        series,
    )


def bar_chart(title: str, series: ChartSeries, names: Sequence[str]) -> BarChart:
    """Lays out bars, the longest for the largest value; a negative value gets no bar."""
    largest = max((value or 0 for value in series.values), default=0) or 1
    width = WIDTH - _BAR_LEFT - _BAR_RIGHT
    values = zip(names, series.values, series.labels, strict=True)
    return BarChart(
        title,
        f"{len(names)} bars, the largest first; the table below has the values.",
        [
            Bar(
                name,
                n * (_BAR_HEIGHT + _BAR_GAP),
                round(width * (max(value or 0, 0) / largest), 1),
                label,
            )
            for n, (name, value, label) in enumerate(values)
        ],
        max(len(names) * (_BAR_HEIGHT + _BAR_GAP), 1),
    )


def heat_map(
    title: str, rows: Sequence[str], columns: Sequence[str], parts: Sequence[Sequence[float | None]]
) -> HeatMap:
    """Lays out a heat map of shares, in rows; the largest share gets the strongest colour."""
    largest = max((part or 0 for row in parts for part in row), default=0) or 1

    def cell(row: int, column: int, part: float | None) -> HeatMapCell:
        value = "not over yet" if part is None else f"{part:.1%}"
        return HeatMapCell(
            _CELL_LEFT + column * _CELL_WIDTH,
            _CELL_TOP + row * _CELL_HEIGHT,
            None if part is None else round(HEAT_LEVELS * part / largest),
            f"{rows[row]}, {columns[column]}: {value}",
        )

    return HeatMap(
        title,
        f"{len(rows)} rows of {len(columns)} squares; the table below has the values.",
        [cell(n, m, part) for n, row in enumerate(parts) for m, part in enumerate(row)],
        [AxisTick(_CELL_TOP + n * _CELL_HEIGHT + 12, name) for n, name in enumerate(rows)],
        [
            AxisTick(_CELL_LEFT + n * _CELL_WIDTH + _CELL_WIDTH / 2, name)
            for n, name in enumerate(columns)
            if n == 0 or (n + 1) % 5 == 0
        ],
        _CELL_TOP + len(rows) * _CELL_HEIGHT + 2,
    )


def nice_step(largest: float) -> float:
    """Returns a quarter of an axis that reaches beyond `largest`, rounded as people would write it.

    A value below the smallest amount that is stored counts as zero: its axis would have no end.
    """
    quarter = largest / 4 if largest >= SMALLEST else 0.25
    power: float = 10.0 ** floor(log10(quarter))
    return next(step * power for step in _STEPS if step * power >= quarter * 0.999_999)


def short_number(value: float) -> str:
    """Abbreviates a number, as 1200000 to 1.2M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _paths(dots: Sequence[Dot | None]) -> list[str]:
    stretches: list[list[Dot]] = [[]]
    for dot in dots:
        if dot is None:
            stretches.append([])
        else:
            stretches[-1].append(dot)
    return [
        "M" + " L".join(f"{dot.x:g} {dot.y:g}" for dot in stretch)
        for stretch in stretches
        if len(stretch) > 1
    ]
