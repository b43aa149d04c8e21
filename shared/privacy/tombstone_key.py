"""Wraps the key of tombstones under the installation key.

Tombstones outlive every rotation of the installation key, and nobody can compute them again: the
identities are gone. So their key is random, made once, and a rotation only wraps it anew.
"""

import os

from shared.keys.wrapping import KEY_BYTES, unwrap, wrap

_PURPOSE = b"waybill tombstone key"


def new_wrapped_key(secret_key: bytes) -> bytes:
    """Creates a random key of tombstones and returns it wrapped."""
    return wrap_key(secret_key, os.urandom(KEY_BYTES))


def wrap_key(secret_key: bytes, key: bytes) -> bytes:
    """Returns the key of tombstones as it is stored."""
    return wrap(_PURPOSE, secret_key, key)


def unwrap_key(secret_key: bytes, wrapped: bytes) -> bytes:
    """Returns the key of tombstones. Raises OperatorError if another key wrapped it."""
    return unwrap(_PURPOSE, secret_key, wrapped)
