"""Turns comparisons into sheets: of all metrics in total, and of one metric for each name."""

from collections.abc import Sequence
from decimal import Decimal

from console.reports.figures import Figures
from console.reports.report import Report, ReportRow
from console.reports.sheet import Cell, Duration, Money, Share, Sheet
from console.reports.sheets import (
    Measure,
    available_measures,
    measure_heading,
    unconverted_cost_text,
    unconverted_text,
)

_OF_USERS = {"users", "arpu"}  # unique users cannot be added up
_OF_REVENUE = {"revenue", "ad_revenue", "roas"}


def comparable_measures(report: Report) -> list[Measure]:
    """Returns the measures of a report that can be compared.

    Costs are of whole days, and a comparison may end in the middle of one.
    """
    is_of_days = report.comparison is None or report.comparison.until is None
    return [
        measure
        for measure in available_measures(report)
        if measure.name not in _OF_USERS and (is_of_days or not measure.of_costs)
    ]


def comparison_title(report: Report) -> str:
    """Returns which earlier period a report is compared with, and up to when."""
    comparison = report.comparison
    if comparison is None:
        return ""
    zone = report.question.time_zone
    title = f"Compared with {comparison.first} to {comparison.last}"
    return title + (f", both until {comparison.until:%H:%M} {zone}" if comparison.until else "")


def comparison_sheet(report: Report) -> Sheet:
    """Returns each metric of a comparison in total."""
    comparison, currency = report.comparison, report.question.currency
    columns = ["metric", "this period", "earlier period", "change"]
    if comparison is None:
        return Sheet(columns, [])
    rows: list[list[Cell]] = []
    for measure in comparable_measures(report):
        now, before = (
            measure.read(figures, currency) for figures in (comparison.current, comparison.earlier)
        )
        rows.append([measure_heading(measure, currency), now, before, _growth(now, before)])
    missing = [unconverted_text(part) for part in (comparison.current, comparison.earlier)]
    if any(missing):
        rows.append(["not included in revenue", *missing, None])
    return Sheet(columns, rows)


def with_changes(sheet: Sheet, report: Report, measure: Measure | None) -> Sheet:
    """Returns the sheet of a report with what each of its names was before, in one measure.

    It stands beside the names, where it is seen without scrolling.
    """
    comparison, question = report.comparison, report.question
    if comparison is None or measure is None or not question.compares_rows:
        return sheet
    heading, heads = measure_heading(measure, question.currency), len(question.splits)
    both = [
        (row.comparison.current, row.comparison.earlier) if row.comparison else None
        for row in report.rows
    ]
    earlier = [comparison.earlier, *(before for _, before in filter(None, both))]
    is_partial = any(_missing_text(figures, measure) for figures in earlier)

    def cells(pair: tuple[Figures, Figures] | None) -> list[Cell]:
        if pair is None:
            return [None] * (4 + is_partial)
        now, before = (measure.read(figures, question.currency) for figures in pair)
        missing = [_missing_text(pair[1], measure)] if is_partial else []
        return [now, before, _difference(now, before), _growth(now, before), *missing]

    def line(cells_of_row: Sequence[Cell], pair: tuple[Figures, Figures] | None) -> list[Cell]:
        return [*cells_of_row[:heads], *cells(pair), *cells_of_row[heads:]]

    return Sheet(
        columns=[
            *sheet.columns[:heads],
            *(f"{heading}, {which} period" for which in ("this", "earlier")),
            *("difference", "change"),
            *(["not included in earlier period"] if is_partial else []),
            *sheet.columns[heads:],
        ],
        rows=[line(row, pair) for row, pair in zip(sheet.rows, both, strict=True)],
        total=line(sheet.total, (comparison.current, comparison.earlier)),
    )


def row_difference(report: Report, row: ReportRow, measure: Measure) -> Cell:
    """Returns by how much a row has grown; None if it is not compared or has no value."""
    return _difference(*_both(report, row, measure))


def row_growth(report: Report, row: ReportRow, measure: Measure) -> Cell:
    """Returns by what part a row has grown; None as `row_difference`, and of what was nothing."""
    return _growth(*_both(report, row, measure))


def _both(report: Report, row: ReportRow, measure: Measure) -> tuple[Cell, Cell]:
    compared, currency = row.comparison, report.question.currency
    if compared is None:
        return None, None
    return measure.read(compared.current, currency), measure.read(compared.earlier, currency)


def _missing_text(figures: Figures, measure: Measure) -> str | None:
    """Returns the amounts without an exchange rate that a measure lacks."""
    texts = (
        unconverted_text(figures) if measure.name in _OF_REVENUE else None,
        unconverted_cost_text(figures) if measure.of_costs else None,
    )
    return " + ".join(filter(None, texts)) or None


def _difference(now: Cell, before: Cell) -> Cell:
    match now, before:
        case (Money(), Money()):
            return Money(now.amount - before.amount, now.currency)
        case (Share(), Share()):
            return Share(now.part - before.part, is_change=True)
        case (Duration(), Duration()):
            return round(now.seconds) - round(before.seconds)
        case (int() | Decimal(), int() | Decimal()):
            return now - before
    return None


def _growth(now: Cell, before: Cell) -> Cell:
    """Returns by what part a value has grown; None of a share, and from nothing."""
    match now, before:
        case (Money(), Money()):
            return _growth(now.amount, before.amount)
        case (int() | Decimal(), int() | Decimal()) if before > 0:
            return Share(float(now / before) - 1, is_change=True)
    return None
