"""Reads by what the callbacks of an endpoint are signed."""

from shared.callbacks.requests import Signing
from shared.database import Connection, run

_SIGNING = """
SELECT secret_version, kept_secret, (SELECT key_check FROM installation)
FROM callback_endpoints WHERE id = %s
"""


def read_signing(connection: Connection, endpoint_id: int) -> Signing:
    """Reads the parts of an endpoint's secret."""
    [(version, kept, check)] = run(connection, _SIGNING, (endpoint_id,)).fetchall()
    return Signing(version, kept, check or b"")
