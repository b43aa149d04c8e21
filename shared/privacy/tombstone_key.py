"""Wraps the key of tombstones under the installation key.

Tombstones outlive every rotation of the installation key, and nobody can compute them again: the
identities are gone. So their key is random, made once, and a rotation only wraps it anew.
"""

import hmac
import os
from hashlib import sha256

from shared.errors import OperatorError

KEY_BYTES = 32  # one block of SHA-256, so that one pad covers it
_TAG_BYTES = 32
_PAD, _TAG = b"waybill tombstone key pad", b"waybill tombstone key tag"


def new_wrapped_key(secret_key: bytes) -> bytes:
    """Creates a random key of tombstones and returns it wrapped."""
    return wrap_key(secret_key, os.urandom(KEY_BYTES))


def wrap_key(secret_key: bytes, key: bytes) -> bytes:
    """Encrypts a key under the installation key, then authenticates it: nonce, text, tag."""
    nonce = os.urandom(KEY_BYTES)
    text = _padded(secret_key, nonce, key)
    return nonce + text + hmac.digest(secret_key, _TAG + nonce + text, sha256)


def unwrap_key(secret_key: bytes, wrapped: bytes) -> bytes:
    """Returns the key. Raises OperatorError if another installation key wrapped it."""
    nonce, text = wrapped[:KEY_BYTES], wrapped[KEY_BYTES:-_TAG_BYTES]
    tag = hmac.digest(secret_key, _TAG + nonce + text, sha256)
    if len(text) != KEY_BYTES or not hmac.compare_digest(tag, wrapped[-_TAG_BYTES:]):
        raise OperatorError(
            "The key of erased users was wrapped under another WAYBILL_SECRET_KEY. Use the key "
            "that the installation was created with."
        )
    return _padded(secret_key, nonce, text)


def _padded(secret_key: bytes, nonce: bytes, text: bytes) -> bytes:
    pad = hmac.digest(secret_key, _PAD + nonce, sha256)
    return bytes(left ^ right for left, right in zip(text, pad, strict=True))
