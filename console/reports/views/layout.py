"""Chooses the columns of a report, the order of its rows, and whose change is shown."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from console.reports.question import Question
from console.reports.report import Report, ReportRow
from console.reports.sheet import Cell, Duration, Money, Share, Sheet
from console.reports.sheets import MEASURES, Measure, report_sheet
from console.reports.views.comparison_sheets import (
    comparable_measures,
    row_difference,
    row_growth,
    with_changes,
)
from shared.errors import BadValue

# What rows can be sorted by where each is compared: by how much it has grown, and by what part.
CHANGES = {"difference": row_difference, "change": row_growth}
_NAMES = tuple(measure.name for measure in MEASURES)
SORTS = (*_NAMES, *CHANGES)


@dataclass(frozen=True)
class Layout:
    """The metrics that are shown, all if there are none, and the one that rows are sorted by.

    Rows with most of it come first; without it they are in the order of time. `measure` is the
    metric whose change is shown where rows are compared. Raises BadValue for a metric that does not
    exist.
    """

    columns: tuple[str, ...] = ()
    sort: str = ""
    measure: str = ""

    def __post_init__(self) -> None:
        for field, chosen, known in (
            ("column", self.columns, _NAMES),
            ("sort", (self.sort,), SORTS),
            ("measure", (self.measure,), _NAMES),
        ):
            if set(chosen) - {*known, ""}:
                raise BadValue(field, f"must be one of {', '.join(known)}.")

    def check(self, question: Question) -> None:
        """Raises BadValue if rows are sorted by a change that they do not have."""
        if self.sort in CHANGES and not question.compares_rows:
            rule = f"by {self.sort} needs the interval total, a breakdown and a comparison."
            raise BadValue("sort", rule)


def laid_out_sheet(report: Report, layout: Layout) -> Sheet:
    """Returns a report as a table with these columns and in this order."""
    return shown_sheet(laid_out(report, layout), layout)


def shown_sheet(report: Report, layout: Layout) -> Sheet:
    """Returns a report as a table with these columns, in the order that its rows have."""
    return with_changes(
        report_sheet(report, layout.columns), report, compared_measure(report, layout)
    )


def compared_measure(report: Report, layout: Layout) -> Measure | None:
    """Returns the measure whose change is shown, None if nothing can be compared.

    It is the one that was chosen, the one that rows are sorted by, or the first that is shown.
    """
    measures = {measure.name: measure for measure in comparable_measures(report)}
    wanted = (layout.measure, layout.sort, *layout.columns, *measures)
    return next((measures[name] for name in wanted if name in measures), None)


def laid_out(report: Report, layout: Layout) -> Report:
    """Returns a report with its rows in this order."""
    read = _sorted_by(report, layout)
    if read is None:
        return report
    return replace(report, rows=sorted(report.rows, key=lambda row: _place(read(row))))


def _sorted_by(report: Report, layout: Layout) -> Callable[[ReportRow], Cell] | None:
    """Returns what reads the value by which rows are sorted, None without one."""
    change, measure = CHANGES.get(layout.sort), compared_measure(report, layout)
    if change and measure:
        return lambda row: change(report, row, measure)
    sort = next((measure for measure in MEASURES if measure.name == layout.sort), None)
    if sort is None:
        return None
    return lambda row: sort.read(row.figures, report.question.currency)


def _place(cell: Cell) -> tuple[bool, float]:
    """Returns the place of a row: largest values first, those without a value last."""
    size = _size(cell)
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
