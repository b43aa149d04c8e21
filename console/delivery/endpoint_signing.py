"""Reads and wraps by what the callbacks of an endpoint are signed."""

from shared.callbacks.requests import (
    SELECT_FORMER,
    Signing,
    callback_purpose,
    signing_key,
    wrap_signing_key,
)
from shared.database import Connection, run
from shared.keys.installation_key import key_with_check

_SIGNING = f"""
SELECT secret_version, kept_secret, (SELECT key_check FROM installation), {SELECT_FORMER}
FROM callback_endpoints WHERE id = %s
"""


def read_signing(connection: Connection, endpoint_id: int) -> Signing:
    """Reads the parts of an endpoint's secret."""
    [(version, kept, check, former)] = run(connection, _SIGNING, (endpoint_id,)).fetchall()
    return Signing(version, kept, check or b"", former)


def wrapped_secret(secret_key: bytes, endpoint_id: int, signing: Signing) -> bytes:
    """Returns the secret in force, wrapped, which signs for a while beside the one that follows."""
    secret = signing_key(secret_key, callback_purpose(endpoint_id, signing.version), signing)
    in_force = key_with_check(secret_key, signing.check) if signing.check else None
    return wrap_signing_key(in_force or secret_key, secret)
