"""Draws reports as charts: lines over time, bars of totals, a heat map of retention."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from console.reports.activity import RETENTION_DAYS_MAX, ActiveUsers, Cohort
from console.reports.charts import (
    SERIES_MAX,
    BarChart,
    ChartSeries,
    HeatMap,
    LineChart,
    bar_chart,
    heat_map,
    line_chart,
)
from console.reports.question import Interval, Split
from console.reports.report import Report
from console.reports.sheet import Cell, Money, Share, display_text
from console.reports.sheets import Measure

BARS_MAX = 15
COHORTS_MAX = 62


def report_chart(report: Report, measure: Measure) -> LineChart | BarChart | None:
    """Returns the chart of a measure, or None where it would show a single value."""
    question = report.question
    if question.by is not Interval.TOTAL:
        return _lines_over_time(report, measure)
    if question.split is Split.NONE:
        return None
    cells = [(row.name, measure.read(row.figures, question.currency)) for row in report.rows]
    largest = sorted(cells, key=lambda named_cell: -_height(named_cell[1]))[:BARS_MAX]
    names = [name for name, _ in largest]
    return bar_chart(measure.heading, _series("", [cell for _, cell in largest]), names)


def activity_chart(days: Sequence[ActiveUsers]) -> LineChart:
    """Returns the chart of daily, weekly and monthly active users."""
    return line_chart(
        "Active users",
        [f"{day.day:%d %b}" for day in days],
        [
            _series(name, [getattr(day, name.lower()) for day in days])
            for name in ("DAU", "WAU", "MAU")
        ],
    )


def retention_chart(cohorts: Sequence[Cohort]) -> HeatMap:
    """Returns the heat map of the newest cohorts, with all days of retention."""
    newest = cohorts[-COHORTS_MAX:]
    return heat_map(
        "Retention by day 0",
        [f"{cohort.day:%Y-%m-%d}" for cohort in newest],
        [f"D{after}" for after in range(1, RETENTION_DAYS_MAX + 1)],
        [[cohort.share(after) for after in range(1, RETENTION_DAYS_MAX + 1)] for cohort in newest],
    )


def _lines_over_time(report: Report, measure: Measure) -> LineChart:
    by_name: defaultdict[str, dict[datetime | None, Cell]] = defaultdict(dict)
    for row in report.rows:
        cell = measure.read(row.figures, report.question.currency)
        by_name[row.name][row.start] = cell
    starts = sorted({row.start for row in report.rows if row.start})
    largest = sorted(by_name, key=lambda name: -sum(map(_height, by_name[name].values())))
    hour = " %H:%M" if report.question.by is Interval.HOUR else ""
    return line_chart(
        measure.heading,
        [f"{start:%d %b{hour}}" for start in starts],
        [
            _series(name or measure.heading, [by_name[name].get(start) for start in starts])
            for name in largest[:SERIES_MAX]
        ],
    )


def _series(name: str, cells: Sequence[Cell]) -> ChartSeries:
    values = [None if cell is None else _height(cell) for cell in cells]
    return ChartSeries(name, values, [f"{name} {display_text(cell)}".strip() for cell in cells])


def _height(cell: Cell) -> float:
    match cell:
        case int() | Decimal():
            return float(cell)
        case Money():
            return float(cell.amount)
        case Share():
            return cell.part
        case _:
            return 0.0
