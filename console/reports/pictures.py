"""Reports as charts: lines over time, bars of totals, the heat map of retention."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from console.reports.activity import RETENTION_DAYS_MAX, ActiveUsers, Cohort
from console.reports.charts import (
    SERIES_MAX,
    Bars,
    ChartSeries,
    HeatMap,
    Lines,
    bars,
    heat_map,
    lines,
)
from console.reports.question import By, Split
from console.reports.report import Report
from console.reports.sheet import Cell, Money, Share, shown
from console.reports.sheets import Measure

BARS_MAX = 15
COHORTS_MAX = 62


def picture(report: Report, measure: Measure) -> Lines | Bars | None:
    """None where a chart would be a single figure."""
    question = report.question
    if question.by is not By.TOTAL:
        return _over_time(report, measure)
    return None if question.split is Split.NONE else _in_total(report, measure)


def activity_picture(days: Sequence[ActiveUsers]) -> Lines:
    """Daily, weekly and monthly active users."""
    return lines(
        "Active users",
        [f"{day.day:%d %b}" for day in days],
        [
            _series(name, [getattr(day, name.lower()) for day in days])
            for name in ("DAU", "WAU", "MAU")
        ],
    )


def retention_picture(cohorts: Sequence[Cohort]) -> HeatMap:
    newest = cohorts[-COHORTS_MAX:]
    return heat_map(
        "Retention by day 0",
        [f"{cohort.day:%Y-%m-%d}" for cohort in newest],
        [f"D{after}" for after in range(1, RETENTION_DAYS_MAX + 1)],
        [[cohort.share(after) for after in range(1, RETENTION_DAYS_MAX + 1)] for cohort in newest],
    )


def _over_time(report: Report, measure: Measure) -> Lines:
    by_name: defaultdict[str, dict[datetime | None, Cell]] = defaultdict(dict)
    for row in report.rows:
        cell = measure.read(row.figures, report.question.currency)
        by_name[row.name][row.start] = cell
    starts = sorted({row.start for row in report.rows if row.start})
    largest = sorted(by_name, key=lambda name: -sum(map(_height, by_name[name].values())))
    hour = " %H:%M" if report.question.by is By.HOUR else ""
    return lines(
        measure.heading,
        [f"{start:%d %b{hour}}" for start in starts],
        [
            _series(name or measure.heading, [by_name[name].get(start) for start in starts])
            for name in largest[:SERIES_MAX]
        ],
    )


def _in_total(report: Report, measure: Measure) -> Bars:
    cells = [(row.name, measure.read(row.figures, report.question.currency)) for row in report.rows]
    largest = sorted(cells, key=lambda named: -_height(named[1]))[:BARS_MAX]
    names = [name for name, _ in largest]
    return bars(measure.heading, _series("", [cell for _, cell in largest]), names)


def _series(name: str, cells: Sequence[Cell]) -> ChartSeries:
    values = [None if cell is None else _height(cell) for cell in cells]
    return ChartSeries(name, values, [f"{name} {shown(cell)}".strip() for cell in cells])


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
