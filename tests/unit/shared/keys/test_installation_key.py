"""Tests that a key is found by its check, among those that are accepted alone."""

from hypothesis import given
from hypothesis import strategies as st

from shared.keys.installation_key import (
    InstallationKey,
    accepted_digests,
    accepted_keys,
    key_with_check,
)
from shared.tokens import key_check, token_digest

KEYS = st.binary(min_size=32, max_size=64)


@given(KEYS, KEYS, KEYS)
def test_a_key_is_found_by_its_check_if_it_is_accepted(
    new: bytes, old: bytes, other: bytes
) -> None:
    key = InstallationKey(new, old)

    assert accepted_keys(key) == (new, old)
    for known in (new, old):
        assert key_with_check(key, key_check(known)) == known
    expected = other if other in (new, old) else None
    assert key_with_check(key, key_check(other)) == expected
    assert accepted_digests(key, b"secret") == [
        token_digest(each, b"secret") for each in (new, old)
    ]


@given(KEYS)
def test_a_key_without_a_previous_one_is_the_only_one(new: bytes) -> None:
    for key in (new, InstallationKey(new), InstallationKey(new, b"")):
        assert accepted_keys(key) == (new,)
        assert key == new
