"""The key of tombstones: random, unreadable without the installation's key, the same for ever."""

import pytest

from shared.errors import OperatorError
from shared.keys.wrapping import KEY_BYTES
from shared.privacy.tombstone_key import (
    new_wrapped_key,
    unwrap_key,
    wrap_key,
)

SECRET, OTHER = b"the key of an installation, long enough", b"another key, which is long enough too"
KEY = bytes(range(KEY_BYTES))


def test_a_wrapped_key_shows_nothing_of_it_and_is_never_wrapped_twice_alike() -> None:
    first, second = wrap_key(SECRET, KEY), wrap_key(SECRET, KEY)

    assert first != second
    assert KEY not in first
    assert unwrap_key(SECRET, first) == unwrap_key(SECRET, second) == KEY


def test_every_installation_has_a_key_of_its_own() -> None:
    keys = {unwrap_key(SECRET, new_wrapped_key(SECRET)) for _ in range(20)}

    assert len(keys) == 20
    assert {len(key) for key in keys} == {KEY_BYTES}


def test_a_rotation_of_the_installations_key_leaves_the_key_as_it_is() -> None:
    rotated = wrap_key(OTHER, unwrap_key(SECRET, wrap_key(SECRET, KEY)))

    assert unwrap_key(OTHER, rotated) == KEY
    with pytest.raises(OperatorError, match="another WAYBILL_SECRET_KEY"):
        unwrap_key(SECRET, rotated)


@pytest.mark.parametrize("damage", [b"", b"x" * 10, KEY, KEY * 3, KEY * 4])
def test_what_was_not_wrapped_under_this_key_is_refused(damage: bytes) -> None:
    with pytest.raises(OperatorError, match="another WAYBILL_SECRET_KEY"):
        unwrap_key(SECRET, damage)


def test_one_changed_bit_is_noticed() -> None:
    wrapped = wrap_key(SECRET, KEY)
    for place in range(len(wrapped)):
        damaged = bytearray(wrapped)
        damaged[place] ^= 1
        with pytest.raises(OperatorError):
            unwrap_key(SECRET, bytes(damaged))
