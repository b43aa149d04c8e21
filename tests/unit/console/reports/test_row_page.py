"""Tests how a report with many rows is cut into pages."""

from datetime import date

import pytest

from console.reports.figures import Figures
from console.reports.period import Period
from console.reports.question import Question
from console.reports.report import Report, ReportRow
from console.reports.views.row_page import ROWS_SHOWN_MAX, read_page_number, row_page
from console.reports.views.view_query import TextQuery
from shared.errors import BadValue

QUESTION = Question(period=Period(date(2026, 11, 1), date(2026, 11, 28)))


def report(rows: int) -> Report:
    total = Figures(events=rows)
    listed = [ReportRow(None, (str(number),), Figures(events=1)) for number in range(rows)]
    return Report(QUESTION, listed, total, [], None, 0)


@pytest.mark.parametrize(
    ("rows", "number", "expected"),
    [
        (0, 1, (1, 0, 0, 0)),
        (ROWS_SHOWN_MAX, 1, (1, ROWS_SHOWN_MAX, 0, 0)),
        (ROWS_SHOWN_MAX + 1, 1, (1, ROWS_SHOWN_MAX, 0, 2)),
        (ROWS_SHOWN_MAX + 1, 2, (ROWS_SHOWN_MAX + 1, ROWS_SHOWN_MAX + 1, 1, 0)),
        (ROWS_SHOWN_MAX + 1, 99, (ROWS_SHOWN_MAX + 1, ROWS_SHOWN_MAX + 1, 1, 0)),
    ],
)
def test_a_page_has_its_rows_and_the_total_of_all(
    rows: int, number: int, expected: tuple[int, ...]
) -> None:
    page = row_page(report(rows), number)

    assert (page.first, page.last, page.earlier, page.later) == expected
    assert [row.names for row in page.report.rows] == [
        (str(at - 1),) for at in range(page.first, page.last + 1)
    ]
    assert (page.count, page.report.total.events) == (rows, rows)


@pytest.mark.parametrize(("query", "number"), [("", 1), ("page=3", 3)])
def test_a_query_names_a_page(query: str, number: int) -> None:
    assert read_page_number(TextQuery(query)) == number


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "\u0663", "9999999"])
def test_what_is_no_number_of_a_page_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        read_page_number(TextQuery(f"page={text}"))
