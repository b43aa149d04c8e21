"""Codes of countries: what is one, however it is written, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.countries import country_code, country_name


@pytest.mark.parametrize("text", ["DE", "de", "De", " de "])
def test_case_does_not_matter(text: str) -> None:
    assert country_code(text) == "DE"


@pytest.mark.parametrize(
    "text",
    [
        None, "", "{Country code}", "{country}", "Germany", "DEU", "ZZ", "UK", "EU", "D", "276",
        "__", "ß", "ﬆ", "d\x00", "<b", "\N{KELVIN SIGN}R",
    ],
)  # fmt: skip
def test_anything_else_is_no_country(text: str | None) -> None:
    assert country_code(text) is None


@given(st.text(max_size=6))
def test_a_code_is_two_capital_letters_or_there_is_none(text: str) -> None:
    code = country_code(text)

    assert code is None or (code == text.strip().upper() and len(code) == 2 and code.isascii())


def test_people_read_names() -> None:
    assert [country_name(code) for code in ("DE", "XK", "TW", "?")] == [
        "Germany", "Kosovo", "Taiwan", "?",
    ]  # fmt: skip
