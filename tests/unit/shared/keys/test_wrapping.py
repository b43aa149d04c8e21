"""Tests that a wrapped key is opened by either accepted key, and for its purpose alone."""

import pytest

from shared.keys.installation_key import InstallationKey
from shared.keys.wrapping import WrappedElsewhere, unwrap, wrap

NEW, OLD, KEPT = b"n" * 32, b"o" * 32, bytes(range(32))


@pytest.mark.parametrize("under", [NEW, OLD])
def test_either_accepted_key_opens_what_it_has_wrapped(under: bytes) -> None:
    assert unwrap(b"clicks", InstallationKey(NEW, OLD), wrap(b"clicks", under, KEPT)) == KEPT


def test_what_was_wrapped_for_one_purpose_or_under_another_key_is_refused() -> None:
    wrapped = wrap(b"clicks", OLD, KEPT)
    for purpose, key in ((b"tombstones", OLD), (b"clicks", NEW)):
        with pytest.raises(WrappedElsewhere):
            unwrap(purpose, key, wrapped)
