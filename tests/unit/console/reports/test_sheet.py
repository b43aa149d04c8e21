"""Tests that a sheet is the same for people and programs, and that no name is a formula."""

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.reports.sheet import (
    NOT_YET,
    Cell,
    Duration,
    Money,
    Share,
    Sheet,
    display_text,
    plain_text,
    to_csv,
)

_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    ("cell", "for_people", "for_programs"),
    [
        (None, "", ""),
        (1234567, "1,234,567", "1234567"),
        (Decimal("-1234.5"), "-1,234.5", "-1234.5"),
        (Money(Decimal("1234.567"), "EUR"), "1,234.57", "1234.57"),
        (Share(0.1234), "12.3%", "0.123"),
        (date(2026, 1, 2), "2026-01-02", "2026-01-02"),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02 03:00", "2026-01-02 03:00"),
        ("Acme", "Acme", "Acme"),
    ],
)
def test_a_cell_is_written_for_people_and_for_programs(
    cell: Cell, for_people: str, for_programs: str
) -> None:
    assert (display_text(cell), plain_text(cell)) == (for_people, for_programs)


def test_programs_can_tell_the_two_hours_of_one_name_apart() -> None:
    hours = [
        datetime(2026, 11, 1, 1, tzinfo=ZoneInfo("America/New_York"), fold=fold) for fold in (0, 1)
    ]

    assert [plain_text(hour) for hour in hours] == [
        "2026-11-01 01:00-04:00",
        "2026-11-01 01:00-05:00",
    ]
    assert [display_text(hour) for hour in hours] == ["2026-11-01 01:00"] * 2


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_name_that_a_spreadsheet_would_compute_is_text(name: str) -> None:
    (heading, line) = read(to_csv(Sheet([name], [[name]])))

    assert (heading, line) == ([f"'{name}"], [f"'{name}"])


@pytest.mark.parametrize("separator", [";", "\t", ",", "|", ';"', "\n", "; "])
@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1+1"])
def test_a_name_holds_no_formula_for_a_spreadsheet_that_splits_at_other_separators(
    separator: str, formula: str
) -> None:
    (_, line) = to_csv(Sheet(["name"], [[f"Acme{separator}{formula}"]])).split("\r\n", 1)

    for cell in re.split("[;,|\t\r\n]", line):
        assert not cell.strip(' "').startswith(("=", "+", "-", "@", "\uff1d"))


def test_names_with_a_dash_or_an_address_stay_as_they_are() -> None:
    names = ["Acme - Summer", "x@example.com", "1+1", "a=b"]

    assert read(to_csv(Sheet(["a", "b", "c", "d"], [list(names)])))[1] == names


def test_a_negative_figure_stays_a_number() -> None:
    assert read(to_csv(Sheet(["a"], [[Money(Decimal("-3.5"), "EUR")]])))[1] == ["-3.50"]


@given(st.lists(st.lists(_WORDS, min_size=2, max_size=2), max_size=5))
def test_every_name_comes_back_from_a_file_as_it_was_or_marked_as_text(
    rows: list[list[str]],
) -> None:
    lines = read(to_csv(Sheet(["a", "b"], rows, ["total", "x"])))

    assert lines[0] == ["a", "b"]
    assert lines[-1] == ["total", "x"]
    for line, row in zip(lines[1:-1], rows, strict=True):
        for text, cell in zip(line, row, strict=True):
            assert text.replace("'", "") == cell.replace("'", "")  # nothing but marks is added
            assert text[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.00"),
        ("1234.5", "1,234.50"),
        ("-3.456", "-3.46"),
        ("0.5", "0.50"),
        ("0.1", "0.10"),
        ("0.014", "0.014"),
        ("0.0043", "0.0043"),
        ("-0.00429", "-0.0043"),
        ("0.000056", "0.000056"),
        ("0.000001", "0.000001"),
        ("0.0000001", "0.00"),
        ("0.999", "1.00"),
    ],
)
def test_a_fraction_of_a_cent_is_not_shown_as_nothing(amount: str, shown: str) -> None:
    cell = Money(Decimal(amount), "EUR")

    assert display_text(cell) == shown
    assert plain_text(cell) == shown.replace(",", "")


@given(st.decimals(min_value="0.000001", max_value="1e6", places=6))
def test_what_is_shown_of_an_amount_is_off_by_at_most_a_twentieth(amount: Decimal) -> None:
    shown = Decimal(plain_text(Money(amount, "EUR")))

    assert shown > 0
    assert abs(shown - amount) <= amount / 20


def test_a_day_that_is_not_over_differs_from_one_on_which_nobody_came() -> None:
    cells: list[Cell] = [NOT_YET, Share(0.0), None]

    assert [display_text(cell) for cell in cells] == ["not yet", "0.0%", ""]
    assert [plain_text(cell) for cell in cells] == ["", "0.000", ""]
    assert Sheet(["D1"], [[NOT_YET], [Share(0.5)]]).is_numeric(0)


@pytest.mark.parametrize(
    ("seconds", "shown", "plain"),
    [
        (0, "0 s", "0"),
        (59.6, "1 min", "60"),
        (75, "1 min 15 s", "75"),
        (3_600, "1 h", "3600"),
        (12_000, "3 h 20 min", "12000"),
        (100_000, "1 d 3 h", "100000"),
        (-0.2, "0 s", "0"),
    ],
)
def test_a_length_of_time_has_two_units_for_people_and_seconds_for_programs(
    seconds: float, shown: str, plain: str
) -> None:
    assert display_text(Duration(seconds)) == shown
    assert plain_text(Duration(seconds)) == plain
