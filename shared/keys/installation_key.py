"""The key of an installation, together with the one before it while it is being rotated.

Which of the two is in force is not a matter of settings, which programs learn one after another: it
is the one whose check the database has. A program that knows both works before and after the moment
of the rotation.
"""

import hmac
from typing import Self

from shared.tokens import key_check, token_digest


class InstallationKey(bytes):
    """The key of an installation; `previous` is accepted too while a rotation lasts."""

    previous: bytes | None

    def __new__(cls, key: bytes, previous: bytes | str | None = None) -> Self:
        self = super().__new__(cls, key)
        self.previous = (previous.encode() if isinstance(previous, str) else previous) or None
        return self


def accepted_keys(key: bytes) -> tuple[bytes, ...]:
    """Returns the key, then the one before it, if that is accepted too."""
    previous = key.previous if isinstance(key, InstallationKey) else None
    return (bytes(key),) if previous is None else (bytes(key), previous)


def key_with_check(key: bytes, check: bytes) -> bytes | None:
    """Returns the accepted key that has this check, None if none has."""
    for accepted in accepted_keys(key):
        if hmac.compare_digest(key_check(accepted), check):
            return accepted
    return None


def accepted_digests(key: bytes, secret: bytes) -> list[bytes]:
    """Returns the digests under which a secret may be stored, that of the newest key first."""
    return [token_digest(accepted, secret) for accepted in accepted_keys(key)]
