"""Creates tokens, and computes the digest and the masked form that are stored of them.

A token is `wbs_`, 30 random base62 characters (178 bits) and a checksum of 6: secret scanners can
recognize it, and a typing error is detected at once. Only its HMAC-SHA256 under the installation's
key is stored, so a leaked table authorizes nobody. A token that a team brings along may have any
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
    """The reason why a request is not authorized.

    Senders get the same response for all of them; the app's team sees the reason.
    """

    MISSING = "missing_token"
    SEVERAL = "several_tokens"
    WRONG = "wrong_token"
    INACTIVE = "inactive_token"
    EXPIRED = "expired_token"
    OTHER_APP = "other_app_token"
    SCOPE = "insufficient_scope"


def new_token() -> str:
    """Creates a random token."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_BODY_LENGTH))
    return PREFIX + body + _checksum(body)


def is_own_form(token: str) -> bool:
    """Tells whether `new_token` created the token, judging by its checksum."""
    if not token.startswith(PREFIX):
        return False
    text = token.removeprefix(PREFIX)
    body, checksum = text[:_BODY_LENGTH], text[_BODY_LENGTH:]
    return len(body) == _BODY_LENGTH and body.isascii() and _checksum(body) == checksum


def token_digest(secret_key: bytes, token: bytes) -> bytes:
    """Returns the 32 bytes that are stored and looked up instead of the token."""
    return hmac.digest(secret_key, token, sha256)


def key_check(secret_key: bytes) -> bytes:
    """Returns a value that shows whether two programs have the same key, but not the key."""
    return hmac.digest(secret_key, b"waybill key check", sha256)


def mask(token: str) -> str:
    """Returns the first three and last four characters, but none of a short token.

    Of a short one they would give too much away.
    """
    return f"{token[:3]}…{token[-4:]}" if len(token) >= _MASKED_LENGTH_MIN else "…"


def _checksum(body: str) -> str:
    rest = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
