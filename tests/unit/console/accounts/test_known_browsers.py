"""Tests the mark of a browser in which a person has signed in."""

from hypothesis import given
from hypothesis import strategies as st

from console.accounts.known_browsers import is_known, mark_browser

KEY = b"a key of the tests, long enough to be one"


def test_a_browser_is_known_for_the_person_who_signed_in_there_and_for_nobody_else() -> None:
    mark = mark_browser(KEY, "Ada")

    assert is_known(KEY, " ada ", mark)
    assert not is_known(KEY, "Bob", mark)
    assert not is_known(b"another key of the tests, as long as it", "Ada", mark)


@given(st.text(max_size=120))
def test_nobody_makes_a_mark_without_the_key(text: str) -> None:
    assert not is_known(KEY, "Ada", text)


def test_every_browser_has_a_mark_of_its_own() -> None:
    assert len({mark_browser(KEY, "Ada") for _ in range(100)}) == 100
