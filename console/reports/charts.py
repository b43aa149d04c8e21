"""Where the parts of a chart stand, for a template to draw as SVG. Units are those of its viewBox.

Colours are classes of the style sheet, so that one picture serves light and dark. What a chart
shows also stands in a table beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

WIDTH = 720
LINES_HEIGHT = 240
SERIES_MAX = 6
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 28
_X_LABELS_MAX = 8
SMALLEST = 1e-6  # amounts have six places
_STEPS = (1, 2, 2.5, 5, 10)
_BAR_HEIGHT, _BAR_GAP, _BAR_LEFT, _BAR_RIGHT = 18, 8, 190, 96
_CELL_WIDTH, _CELL_HEIGHT, _CELL_LEFT, _CELL_TOP = 18.5, 18, 132, 22
HEAT_LEVELS = 10


@dataclass(frozen=True)
class ChartSeries:
    """Values in order, None where there is none; `labels` say each in words."""

    name: str
    values: Sequence[float | None]
    labels: Sequence[str]


@dataclass(frozen=True)
class AxisTick:
    at: float
    label: str


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    label: str


@dataclass(frozen=True)
class ChartLine:
    """`paths` are SVG paths, one for each stretch without gaps; `number` is that of its colour."""

    name: str
    number: int
    paths: Sequence[str]
    dots: Sequence[Dot]


@dataclass(frozen=True)
class Lines:
    title: str
    description: str
    lines: Sequence[ChartLine]
    x_ticks: Sequence[AxisTick]
    y_ticks: Sequence[AxisTick]
    width: int = WIDTH
    height: int = LINES_HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = LINES_HEIGHT - _BOTTOM


@dataclass(frozen=True)
class Bar:
    name: str
    y: float
    width: float
    label: str


@dataclass(frozen=True)
class Bars:
    title: str
    description: str
    bars: Sequence[Bar]
    height: int
    width: int = WIDTH
    left: int = _BAR_LEFT
    bar_height: int = _BAR_HEIGHT


@dataclass(frozen=True)
class Cell:
    """`level` is how strong its colour is, 0 to HEAT_LEVELS; None: not known yet."""

    x: float
    y: float
    level: int | None
    label: str


@dataclass(frozen=True)
class HeatMap:
    title: str
    description: str
    cells: Sequence[Cell]
    rows: Sequence[AxisTick]
    columns: Sequence[AxisTick]
    height: int
    width: int = WIDTH
    cell_width: float = _CELL_WIDTH - 1.5
    cell_height: float = _CELL_HEIGHT - 1.5


def lines(title: str, names: Sequence[str], series: Sequence[ChartSeries]) -> Lines:
    """`names` are those of the places along the x axis. What is negative is drawn at nothing."""
    step = nice_step(max((value or 0 for it in series for value in it.values), default=0))
    top = step * 4
    scale = (LINES_HEIGHT - _BOTTOM - _TOP) / top

    def x(place: int) -> float:
        wide = WIDTH - _LEFT - _RIGHT
        return round(_LEFT + (wide * place / (len(names) - 1) if len(names) > 1 else wide / 2), 1)

    def y(value: float) -> float:
        return round(LINES_HEIGHT - _BOTTOM - max(value, 0) * scale, 1)

    def dots(it: ChartSeries) -> list[Dot | None]:
        return [
            None if value is None else Dot(x(place), y(value), f"{names[place]}: {label}")
            for place, (value, label) in enumerate(zip(it.values, it.labels, strict=True))
        ]

    drawn = [(it.name, number, dots(it)) for number, it in enumerate(series, start=1)]
    every = -(-len(names) // _X_LABELS_MAX)
    return Lines(
        title,
        f"Lines from {names[0]} to {names[-1]}; the table below has the figures." if names else "",
        [
            ChartLine(name, number, _paths(places), [dot for dot in places if dot])
            for name, number, places in drawn
        ],
        [AxisTick(x(place), names[place]) for place in range(0, len(names), every or 1)],
        [AxisTick(y(step * n), short(step * n)) for n in range(5)],
    )


def bars(title: str, series: ChartSeries, names: Sequence[str]) -> Bars:
    """The longest bar is the largest value; what is negative has none."""
    largest = max((value or 0 for value in series.values), default=0) or 1
    wide = WIDTH - _BAR_LEFT - _BAR_RIGHT
    told = zip(names, series.values, series.labels, strict=True)
    return Bars(
        title,
        f"{len(names)} bars, the largest first; the table below has the figures.",
        [
            Bar(
                name,
                n * (_BAR_HEIGHT + _BAR_GAP),
                round(wide * (max(value or 0, 0) / largest), 1),
                label,
            )
            for n, (name, value, label) in enumerate(told)
        ],
        max(len(names) * (_BAR_HEIGHT + _BAR_GAP), 1),
    )


def heat_map(
    title: str, rows: Sequence[str], columns: Sequence[str], parts: Sequence[Sequence[float | None]]
) -> HeatMap:
    """`parts` are shares, a row each; the strongest colour is the largest of them."""
    largest = max((part or 0 for row in parts for part in row), default=0) or 1

    def cell(row: int, column: int, part: float | None) -> Cell:
        told = "not over yet" if part is None else f"{part:.1%}"
        return Cell(
            _CELL_LEFT + column * _CELL_WIDTH,
            _CELL_TOP + row * _CELL_HEIGHT,
            None if part is None else round(HEAT_LEVELS * part / largest),
            f"{rows[row]}, {columns[column]}: {told}",
        )

    return HeatMap(
        title,
        f"{len(rows)} rows of {len(columns)} squares; the table below has the figures.",
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
    """A quarter of an axis that reaches over `largest`, as people would write it.

    What is less than any stored amount is nothing: its axis would have no end.
    """
    quarter = largest / 4 if largest >= SMALLEST else 0.25
    power: float = 10.0 ** floor(log10(quarter))
    return next(step * power for step in _STEPS if step * power >= quarter * 0.999_999)


def short(value: float) -> str:
    """1200000 as 1.2M."""
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
