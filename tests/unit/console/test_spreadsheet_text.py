"""What a cell of a CSV file may begin with is listed; everything else is text."""

import re
import unicodedata

import pytest

from console.spreadsheet_text import inert


@pytest.mark.parametrize(
    "text", ["Acme", "1+1", "a=b", "(net)", "#1", "Ünal", "日本", "", "$5", "it's"]
)
def test_a_plain_text_stays_as_it_is(text: str) -> None:
    assert inert(text) == text


def test_no_other_character_begins_a_cell_whatever_program_may_compute_it() -> None:
    for number in range(1, 0x3000):
        character = chr(number)
        kind = unicodedata.category(character)
        if kind in {"Sm", "Po", "Pd", "So", "Sk"} and character not in ":.#<>/!;,|\"'":
            assert inert(character + "1") == f"'{character}1", hex(number)


@pytest.mark.parametrize("before", ["", "a;", "a,", "a\t", "a|", 'a"', "a'", "a; ", "a\n", "a;;"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d", "\\", "%", "\u2212", "`"])
def test_neither_does_what_follows_a_separator_or_a_quote(before: str, start: str) -> None:
    text = inert(f"{before}{start}1")

    assert re.search(rf"'\s*{re.escape(start)}1", text)
    assert text.replace("'", "") == f"{before}{start}1".replace("'", "")
