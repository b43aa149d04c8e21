"""Cuts a report that has more rows than a page shows into pages; its file has them all."""

from dataclasses import dataclass, replace

from console.reports.report import Report
from console.reports.views.view_query import QueryValues
from shared.errors import BadValue

ROWS_SHOWN_MAX = 300  # a browser and the console need a tenth of a second for thousands


@dataclass(frozen=True)
class RowPage:
    """A page of a report: `report` has its rows alone, and the total of all.

    They are the rows from `first` to `last` of `count`, counted from 1. `earlier` and `later` are
    the numbers of the pages beside it, 0 if there is none.
    """

    report: Report
    first: int
    last: int
    count: int
    earlier: int
    later: int


def read_page_number(query: QueryValues) -> int:
    """Reads which page of the rows is wanted. Raises BadValue if it is not a number from 1."""
    text = query.get("page") or "1"
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text)):
        raise BadValue("page", "must be a number from 1.")
    return int(text)


def row_page(report: Report, number: int) -> RowPage:
    """Returns a page of the rows, the last one if there are fewer pages."""
    count = len(report.rows)
    pages = max(1, -(-count // ROWS_SHOWN_MAX))
    number = min(number, pages)
    begin = (number - 1) * ROWS_SHOWN_MAX
    end = min(begin + ROWS_SHOWN_MAX, count)
    later = number + 1 if number < pages else 0
    shown = report if pages == 1 else replace(report, rows=report.rows[begin:end])
    return RowPage(shown, begin + 1, end, count, number - 1, later)
