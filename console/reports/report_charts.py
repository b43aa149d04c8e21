"""Draws reports as charts: lines over time, bars of totals, a heat map of retention."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from console.reports.activity import ActiveUsers
from console.reports.buckets import bucket_starts, is_so_far
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
from console.reports.figures import Figures
from console.reports.question import Interval
from console.reports.report import NAME_SEPARATOR, Report
from console.reports.retention import RETENTION_DAYS_MAX, Cohort
from console.reports.sheet import Cell, Duration, Money, Share, display_text
from console.reports.sheets import Measure
from console.reports.traffic import Traffic

BARS_MAX = 15
COHORTS_MAX = 62


def report_chart(report: Report, measure: Measure, now: datetime) -> LineChart | BarChart | None:
    """Returns the chart of a measure, or None where it would show a single value."""
    question = report.question
    if question.by is not Interval.TOTAL:
        return _lines_over_time(report, measure, now)
    if not question.splits:
        return None
    cells = [(row.name, measure.read(row.figures, question.currency)) for row in report.rows]
    largest = sorted(cells, key=lambda named_cell: -_height(named_cell[1]))[:BARS_MAX]
    names = [name for name, _ in largest]
    return bar_chart(measure.heading, _series("", [cell for _, cell in largest]), names)


def activity_chart(days: Sequence[ActiveUsers]) -> LineChart:
    """Returns the chart of daily, weekly and monthly active users."""
    is_last_so_far = bool(days) and days[-1].so_far
    return line_chart(
        "Active users",
        _marked([f"{day.day:%d %b}" for day in days], so_far=is_last_so_far),
        [
            _series(name, [getattr(day, name.lower()) for day in days])
            for name in ("DAU", "WAU", "MAU")
        ],
        so_far=is_last_so_far,
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


def _lines_over_time(report: Report, measure: Measure, now: datetime) -> LineChart:
    question = report.question
    by_name: defaultdict[tuple[str, ...], dict[datetime | None, Cell]] = defaultdict(dict)
    for row in report.rows:
        by_name[row.names][row.start] = measure.read(row.figures, question.currency)
    found = {row.start for row in report.rows if row.start}
    starts = sorted({*bucket_starts(question, now), *found})
    nothing = measure.read(Figures(users=0, traffic=Traffic(), cost=Decimal(0)), question.currency)
    largest = sorted(by_name, key=lambda names: -sum(map(_height, by_name[names].values())))
    hour = " %H:%M" if question.by is Interval.HOUR else ""
    is_last_so_far = bool(starts) and is_so_far(question, starts[-1], now)
    return line_chart(
        measure.heading,
        _marked([f"{start:%d %b{hour}}" for start in starts], so_far=is_last_so_far),
        [
            _series(
                NAME_SEPARATOR.join(names) or measure.heading,
                [by_name[names].get(start, nothing) for start in starts],
            )
            for names in largest[:SERIES_MAX]
        ],
        so_far=is_last_so_far,
    )


def _marked(names: list[str], *, so_far: bool) -> list[str]:
    return [*names[:-1], f"{names[-1]} so far"] if so_far else names


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
        case Duration():
            return cell.seconds
        case _:
            return 0.0
