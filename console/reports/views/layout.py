"""Chooses the columns of a report and the order of its rows."""

from dataclasses import dataclass, replace
from decimal import Decimal

from console.reports.report import Report, ReportRow
from console.reports.sheet import Cell, Duration, Money, Share, Sheet
from console.reports.sheets import MEASURES, Measure, report_sheet
from shared.errors import BadValue


@dataclass(frozen=True)
class Layout:
    """The metrics that are shown, all if there are none, and the one that rows are sorted by.

    Rows with most of it come first; without it they are in the order of time. Raises BadValue for
    a metric that does not exist.
    """

    columns: tuple[str, ...] = ()
    sort: str = ""

    def __post_init__(self) -> None:
        names = [measure.name for measure in MEASURES]
        for field, chosen in (("column", self.columns), ("sort", (self.sort,))):
            if set(chosen) - {*names, ""}:
                raise BadValue(field, f"must be one of {', '.join(names)}.")


def laid_out_sheet(report: Report, layout: Layout) -> Sheet:
    """Returns a report as a table with these columns and in this order."""
    return report_sheet(laid_out(report, layout), layout.columns)


def laid_out(report: Report, layout: Layout) -> Report:
    """Returns a report with its rows in this order."""
    sort = next((measure for measure in MEASURES if measure.name == layout.sort), None)
    if sort is None:
        return report
    return replace(report, rows=sorted(report.rows, key=lambda row: _place(report, sort, row)))


def _place(report: Report, sort: Measure, row: ReportRow) -> tuple[bool, float]:
    """Returns the place of a row: largest values first, those without a value last."""
    size = _size(sort.read(row.figures, report.question.currency))
    return size is None, -(size or 0.0)


def _size(cell: Cell) -> float | None:
    match cell:
        case int() | Decimal():
            return float(cell)
        case Money():
            return float(cell.amount)
        case Share():
            return cell.part
        case Duration():
            return cell.seconds
    return None
