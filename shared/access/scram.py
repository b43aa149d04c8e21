"""Makes what PostgreSQL stores of a password, so that no statement or log has the password itself.

SCRAM-SHA-256 is RFC 5802 and 7677; the form is that of `pg_authid.rolpassword`.
"""

import hmac
import secrets
from base64 import b64encode
from hashlib import pbkdf2_hmac, sha256

_ITERATIONS = 4096  # PostgreSQL's own; a password of 256 random bits needs no more
_SALT_BYTES = 16


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Returns the verifier of a password in ASCII."""
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    salted = pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored_key = sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    parts = [b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"
