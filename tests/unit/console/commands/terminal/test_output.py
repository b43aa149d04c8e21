import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from console.commands.terminal.output import (
    cell,
    folded_tables,
    print_error,
    show,
    table,
    visible,
)


@dataclass(frozen=True)
class Thing:
    id: UUID
    at: datetime
    raw: bytes


THING = Thing(UUID(int=7), datetime(2026, 11, 23, 4, 5, 6, 789, UTC), b"\x00")


def test_a_document_is_one_ascii_json_value(capsys: pytest.CaptureFixture[str]) -> None:
    show({"thing": THING, "name": "Größe\x1b[2J"}, "for people", as_json=True)

    printed = capsys.readouterr().out
    assert printed.isascii()
    assert "\x1b" not in printed
    assert json.loads(printed) == {
        "thing": {
            "id": "00000000-0000-0000-0000-000000000007",
            "at": "2026-11-23T04:05:06.000789Z",
            "raw": "AA==",
        },
        "name": "Größe\x1b[2J",
    }


def test_people_get_the_parts_and_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        {"thing": THING}, table(("id", "at"), [(THING.id, THING.at)]), "A sentence.", as_json=False
    )

    printed = capsys.readouterr().out
    assert "2026-11-23 04:05:06" in printed
    assert "00000000-0000-0000-0000-000000000007" in printed
    assert printed.endswith("A sentence.\n")


def test_an_error_is_one_document_on_stdout_or_one_sentence_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_error("operator_error", "It cannot be done.", as_json=True)
    document = capsys.readouterr()
    print_error("operator_error", "It cannot be done.", as_json=False)
    sentence = capsys.readouterr()

    assert json.loads(document.out) == {
        "error": {"code": "operator_error", "message": "It cannot be done."}
    }
    assert (document.err, sentence.out) == ("", "")
    assert sentence.err == "It cannot be done.\n"


@given(st.text(st.characters(), max_size=50))
def test_text_from_outside_is_printable_whatever_it_holds(text: str) -> None:
    shown = visible(text)

    assert shown.isprintable()
    assert text == shown or not text.isprintable()


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, ""), (True, "yes"), (False, "no"), ({"a": "1", "b": "2"}, "a=1, b=2"), (7, "7")],
)
def test_a_value_is_shown_in_words(value: object, words: str) -> None:
    assert cell(value).plain == words


COLUMNS = ("day (UTC)", "partner", *(f"attributed installs {number}" for number in range(6)))
ROWS = [["2026-11-28 so far", "A partner with a long name", *["1,234,567"] * 6] for _ in range(3)]


@pytest.mark.parametrize("width", [40, 80, 120, 400])
def test_a_wide_table_is_folded_into_tables_that_fit(width: int) -> None:
    tables = folded_tables(COLUMNS, ROWS, heads=2, columns_max=width)

    headings = [[str(column.header) for column in table.columns] for table in tables]
    assert all(heading[:2] == list(COLUMNS[:2]) for heading in headings)
    assert [name for heading in headings for name in heading[2:]] == list(COLUMNS[2:])
    assert len(tables) == {40: 6, 80: 6, 120: 3, 400: 1}[width]
    terminal = Console(width=1_000)
    for folded in tables:
        assert width < 80 or terminal.measure(folded).maximum <= width


def test_a_table_without_rows_has_its_headings() -> None:
    (only,) = folded_tables(("a", "b"), [], heads=1, columns_max=80)

    assert [str(column.header) for column in only.columns] == ["a", "b"]
