"""Derives the key that seals click ids; those of former installation keys are stored wrapped.

A conversion names its click weeks later, so a rotation keeps the key of the clicks before it.
"""

from collections.abc import Iterable
from hashlib import blake2b

from shared.keys.wrapping import unwrap, wrap

FORMER_KEYS_MAX = 3  # each is tried for each click id of a network
_PURPOSE = b"waybill click key"


def click_key(secret_key: bytes) -> bytes:
    """Returns the key that seals the click ids of an installation."""
    return blake2b(b"waybill click ids", key=secret_key[:64], digest_size=32).digest()


def wrap_click_key(secret_key: bytes, key: bytes) -> bytes:
    """Returns a former key as it is stored."""
    return wrap(_PURPOSE, secret_key, key)


def unwrap_click_keys(secret_key: bytes, wrapped: Iterable[bytes]) -> tuple[bytes, ...]:
    """Returns former keys. Raises WrappedElsewhere."""
    return tuple(unwrap(_PURPOSE, secret_key, each) for each in wrapped)
