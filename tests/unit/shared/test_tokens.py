"""Tokens: recognisable, checked, kept as a digest only."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.tokens import is_own_form, key_check, mask, new_token, token_digest
from tests.support.build import SECRET_KEY

OTHER_KEY = b"another installation key, 32 chr"


def test_a_new_token_has_the_form_that_a_secret_scanner_knows() -> None:
    assert re.fullmatch(r"wbs_[0-9A-Za-z]{36}", new_token())


def test_new_tokens_differ() -> None:
    assert len({new_token() for _ in range(1000)}) == 1000


def test_a_new_token_is_of_our_own_form() -> None:
    assert all(is_own_form(new_token()) for _ in range(100))


@pytest.mark.parametrize("position", range(4, 40))
def test_a_slip_of_the_pen_anywhere_is_seen(position: int) -> None:
    token = new_token()
    slip = "a" if token[position] != "a" else "b"

    assert not is_own_form(token[:position] + slip + token[position + 1 :])


@pytest.mark.parametrize(
    "token", ["", "wbs_", "s2sTokenForTheStoreApp", "wbs_" + "a" * 35, "wbs_" + "a" * 37]
)
def test_a_token_that_a_team_brought_along_is_not_of_our_own_form(token: str) -> None:
    assert not is_own_form(token)


def test_a_token_cut_short_or_prolonged_is_not_of_our_own_form() -> None:
    token = new_token()

    assert not is_own_form(token[:-1])
    assert not is_own_form(token + "a")


@given(st.text(min_size=30))
@example("a" * 30 + "ééééé6")
def test_any_text_can_be_asked_for_its_form(text: str) -> None:
    assert not is_own_form("wbs_" + text)


def test_a_digest_has_32_bytes_and_nothing_of_the_token() -> None:
    digest = token_digest(SECRET_KEY, b"s2sTokenForTheStoreApp")

    assert len(digest) == 32
    assert b"s2sToken" not in digest


def test_a_digest_depends_on_the_token_and_on_the_installation_key() -> None:
    digests = {
        token_digest(key, token) for key in (SECRET_KEY, OTHER_KEY) for token in (b"a", b"A")
    }

    assert len(digests) == 4


def test_the_key_check_tells_keys_apart_and_is_no_tokens_digest() -> None:
    assert key_check(SECRET_KEY) == key_check(SECRET_KEY)
    assert key_check(SECRET_KEY) != key_check(OTHER_KEY)
    assert SECRET_KEY not in key_check(SECRET_KEY)


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("", "…"),
        ("short", "…"),
        ("a token of nineteen", "…"),
        ("a token of the limit", "a t…imit"),
        ("s2sTokenForTheStoreApp", "s2s…eApp"),
    ],
)
def test_a_masked_token_shows_three_and_four_characters_and_nothing_of_a_short_one(
    token: str, shown: str
) -> None:
    assert mask(token) == shown
