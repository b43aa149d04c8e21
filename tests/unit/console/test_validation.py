import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.validation import label, random_code
from shared.errors import BadValue


def test_a_label_loses_the_spaces_around_it() -> None:
    assert label("name", "  My Shop ", 100) == "My Shop"


@pytest.mark.parametrize("value", ["", "   ", "x" * 101, "a\nb", "a\x00b", "a\x1b[2J", "a\udc80"])
def test_a_label_is_short_readable_text(value: str) -> None:
    with pytest.raises(BadValue, match="Name must"):
        label("name", value, 100)


@given(st.integers(1, 64))
def test_a_random_code_is_lower_case_letters_and_digits(length: int) -> None:
    code = random_code(length)

    assert len(code) == length
    assert code.isascii()
    assert code.isalnum()
    assert code == code.lower()
