"""Tests that charts are laid out by their values, inside their frame, for all values."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.reports.charts import (
    HEAT_LEVELS,
    WIDTH,
    ChartSeries,
    bar_chart,
    heat_map,
    line_chart,
    nice_step,
    short_number,
)

_VALUES = st.none() | st.floats(-1e12, 1e12, allow_nan=False)


def series(*values: float | None) -> ChartSeries:
    return ChartSeries("it", values, [str(value) for value in values])


@given(st.lists(_VALUES, min_size=1, max_size=400))
@example([2.2e-308])
def test_every_dot_is_inside_the_frame_and_on_its_line(values: list[float | None]) -> None:
    chart = line_chart("t", [str(n) for n in range(len(values))], [series(*values)])
    (line,) = chart.lines

    assert len(line.dots) == sum(value is not None for value in values)
    for dot in line.dots:
        assert chart.left <= dot.x <= chart.right
        assert 0 <= dot.y <= chart.bottom
    assert all(re.fullmatch(r"M[0-9.]+ [0-9.]+( L[0-9.]+ [0-9.]+)+", path) for path in line.paths)
    assert len(chart.x_ticks) <= 9


def test_a_line_breaks_where_nothing_is_known() -> None:
    (line,) = line_chart("t", ["a", "b", "c", "d", "e"], [series(1, 2, None, 3, 4)]).lines

    assert len(line.paths) == 2
    assert [dot.label for dot in line.dots] == ["a: 1", "b: 2", "d: 3", "e: 4"]


def test_more_is_higher_and_later_is_further_right() -> None:
    (line,) = line_chart("t", ["a", "b"], [series(1, 2)]).lines
    (first, second) = line.dots

    assert first.x < second.x
    assert first.y > second.y


def test_a_script_gets_the_values_that_the_lines_are_drawn_from() -> None:
    chart = line_chart("t", ["a", "b"], [series(1, None)], so_far=True)

    assert chart.plot == {
        "names": ["a", "b"],
        "lines": [{"number": 1, "values": (1, None), "labels": ["1", "None"]}],
        "so_far": False,
    }
    assert line_chart("t", ["a", "b"], [series(1, 2)], so_far=True).plot["so_far"]


def test_nothing_at_all_is_a_chart_too() -> None:
    assert line_chart("t", [], []).lines == []
    assert bar_chart("t", series(), []).height == 1


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=15))
def test_bars_are_as_long_as_their_values(values: list[float]) -> None:
    chart = bar_chart("t", series(*values), [str(n) for n in range(len(values))])

    longest = max(values) or 1
    for bar, value in zip(chart.bars, values, strict=True):
        assert chart.left + bar.width < WIDTH
        assert bar.width == pytest.approx((WIDTH - 286) * (value / longest), abs=0.06)


def test_a_heat_map_is_strongest_where_most_came_back_and_tells_nothing_from_not_yet() -> None:
    chart = heat_map("t", ["d"], ["D1", "D2", "D3"], [[0.4, 0.0, None]])

    assert [cell.level for cell in chart.cells] == [HEAT_LEVELS, 0, None]
    assert [cell.label for cell in chart.cells] == [
        "d, D1: 40.0%",
        "d, D2: 0.0%",
        "d, D3: not over yet",
    ]


@given(st.floats(1e-6, 1e15))
def test_an_axis_reaches_over_its_values_by_a_round_step(largest: float) -> None:
    step = nice_step(largest)

    assert largest * 0.999 <= 4 * step <= largest * 2.6


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.25, "0.25"), (999, "999"), (1500, "1.5k"), (2e6, "2M")]
)
def test_large_numbers_are_written_short(value: float, text: str) -> None:
    assert short_number(value) == text
