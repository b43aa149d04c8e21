"""Recognises browsers in which a person has signed in before, by a cookie that stays.

Attempts from such a browser are counted apart from everybody else's, so that a stranger cannot lock
a person out, not even from the same address: OWASP's "device cookies". The cookie lets nobody in.
"""

import hmac
import secrets
from hashlib import sha256

from shared.keys.installation_key import accepted_keys

_NONCE_CHARACTERS = 32


def mark_browser(secret_key: bytes, name: str) -> str:
    """Returns the value of the cookie for a browser in which this person has signed in."""
    nonce = secrets.token_hex(_NONCE_CHARACTERS // 2)
    return nonce + _signature(secret_key, name, nonce)


def is_known(secret_key: bytes, name: str, mark: str) -> bool:
    """Tells whether the cookie was made for this person by this installation."""
    nonce, signature = mark[:_NONCE_CHARACTERS], mark[_NONCE_CHARACTERS:]
    return any(
        hmac.compare_digest(signature.encode(), _signature(key, name, nonce).encode())
        for key in accepted_keys(secret_key)
    )


def _signature(secret_key: bytes, name: str, nonce: str) -> str:
    text = f"console browser {nonce} {name.strip().lower()}"
    return hmac.digest(secret_key, text.encode(), sha256).hex()
