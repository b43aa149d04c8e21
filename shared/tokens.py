"""What a token looks like and what is kept of it.

A token is `wbs_`, 30 random base62 characters (178 bits) and 6 that check them: recognisable to a
secret scanner, and a slip of the pen is seen at once. Only its HMAC-SHA256 under the installation's
key is stored, so a leaked table authorises nobody. A token that a team brings along may have any
form; it is stored the same way.
"""

import hmac
import secrets
import string
import zlib
from enum import StrEnum
from hashlib import sha256

PREFIX = "wbs_"
TOKEN_BYTES_MAX = 256
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BODY_LENGTH = 30
_CHECKSUM_LENGTH = 6
_MASKED_LENGTH_MIN = 20


class TokenFault(StrEnum):
    """Why a request is not authorised. Senders get one answer for all; the app's team sees it."""

    MISSING = "missing_token"
    SEVERAL = "several_tokens"
    WRONG = "wrong_token"
    INACTIVE = "inactive_token"
    EXPIRED = "expired_token"
    OTHER_APP = "other_app_token"
    SCOPE = "insufficient_scope"


def new_token() -> str:
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_BODY_LENGTH))
    return PREFIX + body + _checksum(body)


def is_own_form(token: str) -> bool:
    """Whether the token was made by `new_token`, as far as its checksum can tell."""
    if not token.startswith(PREFIX):
        return False
    text = token.removeprefix(PREFIX)
    body, checksum = text[:_BODY_LENGTH], text[_BODY_LENGTH:]
    return len(body) == _BODY_LENGTH and body.isascii() and _checksum(body) == checksum


def token_digest(secret_key: bytes, token: bytes) -> bytes:
    """What is stored and looked up instead of the token, 32 bytes."""
    return hmac.digest(secret_key, token, sha256)


def key_check(secret_key: bytes) -> bytes:
    """Tells whether two programs hold the same installation key, without telling the key."""
    return hmac.digest(secret_key, b"waybill key check", sha256)


def mask(token: str) -> str:
    """First three and last four characters; nothing of a short one, which they would give away."""
    return f"{token[:3]}…{token[-4:]}" if len(token) >= _MASKED_LENGTH_MIN else "…"


def _checksum(body: str) -> str:
    rest = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
