"""Tests that what nobody sees is removed around a text, and nothing else."""

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from shared.names.invisible import is_invisible, trimmed

UNSEEN = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if is_invisible(character) or character.isspace()
]


def test_every_character_of_format_is_invisible() -> None:
    for character in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(character) in {"Cf", "Zl", "Zp"}:
            assert is_invisible(character)
    assert not any(map(is_invisible, "aZ09-_ \u00e9\u0416\u682a\U0001f389"))


@given(
    st.text(st.sampled_from(UNSEEN)),
    st.from_regex(r"[a-z0-9](?:[ -~\u200d]*[a-z0-9])?", fullmatch=True),
    st.text(st.sampled_from(UNSEEN)),
)
def test_what_nobody_sees_is_removed_around_a_text_and_kept_inside(
    before: str, text: str, after: str
) -> None:
    assert trimmed(before + text + after) == text
    assert trimmed(before + after) == ""


@given(st.text())
def test_trimming_twice_changes_no_more_than_trimming_once(text: str) -> None:
    assert trimmed(trimmed(text)) == trimmed(text)
    assert trimmed(text) in text
