"""Fields of COPY's text format: what is read back is what was written."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workers.facts.test_event_rows import unescaped
from workers.sql.copy import NULL, document, flag, line, moment, number, text, texts

_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


def elements(field: str) -> list[str]:
    """As PostgreSQL reads an array, of quoted elements alone."""
    array = unescaped(field)
    assert array is not None
    assert array == "{" + ",".join(f'"{inner}"' for inner in _ELEMENT.findall(array)) + "}"
    return [re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) for inner in _ELEMENT.findall(array)]


@given(st.text())
def test_text_is_one_field_of_one_line_and_loses_nothing(value: str) -> None:
    field = text(value)

    assert not re.search(r"[\t\n\r]", field)
    assert unescaped(field) == value


@given(st.lists(st.text()))
def test_an_array_loses_nothing(values: list[str]) -> None:
    field = texts(values)

    assert not re.search(r"[\t\n\r]", field)
    assert elements(field) == values


@given(st.dictionaries(st.text(), st.text()))
def test_a_document_loses_nothing(values: dict[str, str]) -> None:
    assert json.loads(unescaped(document(values)) or "") == values


@pytest.mark.parametrize("value", [r"\N", "\\", "NULL", "{}", ""])
def test_what_looks_like_none_is_text(value: str) -> None:
    assert text(value) != NULL
    assert unescaped(text(value)) == value
    assert elements(texts([value])) == [value]


def test_none_is_written_as_such() -> None:
    assert text(None) == number(None) == NULL


def test_a_line_holds_its_fields_between_tabs() -> None:
    assert line(number(7), flag(True), flag(False), moment(1_795_000_000_007)) == (
        "7\tt\tf\t2026-11-18 11:06:40.007+00\n"
    )
