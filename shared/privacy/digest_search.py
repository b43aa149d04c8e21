"""Finds the stored ids that digests stand for.

A digest leads to nobody, so every stored id is tried. PostgreSQL computes HMAC-SHA256 itself, as
RFC 2104 builds it of two hashes: only what matches leaves the database.
"""

from collections.abc import Collection

from shared.database import Connection, run, transaction
from shared.privacy.copies import quarantined_events
from shared.privacy.identities import DIGEST_BYTES, IdKind, PersonId, id_digest, ids_of_event

_BLOCK_BYTES = 64  # of SHA-256
_INNER, _OUTER = 0x36, 0x5C

_MATCHES = """
SELECT DISTINCT kind, value FROM (
    SELECT 'user' AS kind, user_id AS value FROM users WHERE app_id = %(app)s
    UNION ALL SELECT kind, value FROM identities WHERE app_id = %(app)s
    UNION ALL SELECT 'click', click_id FROM clicks WHERE app_id = %(app)s
    UNION ALL SELECT 'device', device_id FROM click_device_ids WHERE app_id = %(app)s
    UNION ALL SELECT 'device', device_id FROM view_device_ids WHERE app_id = %(app)s
) AS stored
WHERE substr(sha256(%(outer)s::bytea || sha256(
    %(inner)s::bytea || convert_to(%(app)s || ':' || kind || ':' || value, 'UTF8')
)), 1, %(bytes)s) = ANY(%(digests)s::bytea[])
"""


def find_ids(
    connection: Connection, key: bytes, app_id: int, digests: Collection[bytes]
) -> set[PersonId]:
    """Finds the ids of an app, in its tables and in quarantine, that have these digests."""
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    arguments = {
        "app": app_id,
        "inner": bytes(byte ^ _INNER for byte in padded),
        "outer": bytes(byte ^ _OUTER for byte in padded),
        "bytes": DIGEST_BYTES,
        "digests": list(digests),
    }
    with transaction(connection):
        run(connection, "SET LOCAL statement_timeout = 0")
        found = {
            PersonId(IdKind(kind), value) for kind, value in run(connection, _MATCHES, arguments)
        }
    wanted = frozenset(digests)
    for event in quarantined_events(connection, app_id):
        found |= {each for each in ids_of_event(event) if id_digest(key, app_id, each) in wanted}
    return found
