"""Wraps keys of 32 bytes under the installation key, each for its purpose.

What has to outlive every rotation of the installation key is stored wrapped, and a rotation only
wraps it anew.
"""

import hmac
import os
from hashlib import sha256

from shared.errors import OperatorError
from shared.keys.installation_key import accepted_keys

KEY_BYTES = 32  # one block of SHA-256, so that one pad covers it
_TAG_BYTES = 32


class WrappedElsewhere(OperatorError):
    """A stored key that none of this program's installation keys opens."""


def wrap(purpose: bytes, secret_key: bytes, key: bytes) -> bytes:
    """Encrypts a key under the installation key, then authenticates it: nonce, text, tag."""
    nonce = os.urandom(KEY_BYTES)
    text = _padded(purpose, secret_key, nonce, key)
    return nonce + text + _tag(purpose, secret_key, nonce + text)


def unwrap(purpose: bytes, secret_key: bytes, wrapped: bytes) -> bytes:
    """Returns a key that any accepted installation key has wrapped. Raises WrappedElsewhere."""
    nonce, text = wrapped[:KEY_BYTES], wrapped[KEY_BYTES:-_TAG_BYTES]
    for accepted in accepted_keys(secret_key):
        tag = _tag(purpose, accepted, nonce + text)
        if len(text) == KEY_BYTES and hmac.compare_digest(tag, wrapped[-_TAG_BYTES:]):
            return _padded(purpose, accepted, nonce, text)
    raise WrappedElsewhere(
        "A stored key was wrapped under another WAYBILL_SECRET_KEY. Use the key that the "
        "installation was created with, or last rotated to."
    )


def _tag(purpose: bytes, secret_key: bytes, content: bytes) -> bytes:
    return hmac.digest(secret_key, purpose + b" tag" + content, sha256)


def _padded(purpose: bytes, secret_key: bytes, nonce: bytes, text: bytes) -> bytes:
    pad = hmac.digest(secret_key, purpose + b" pad" + nonce, sha256)
    return bytes(left ^ right for left, right in zip(text, pad, strict=True))
