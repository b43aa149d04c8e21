"""Stores tombstones: digests of the ids of erased people, which nothing may bring back.

The table decides what is stored. A set in Redis holds those digests that answers depend on, so that
ingest can refuse; it is a copy, and written again when Redis has lost it.
"""

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from shared.database import Connection, run
from shared.privacy.identities import ANSWERED_KINDS, PersonId, id_digest
from shared.privacy.tombstone_key import unwrap_key
from shared.redis import Redis

_PUBLISHED_AT_ONCE = 1_000


class TombstoneReason(StrEnum):
    """The reason why nothing of an id is stored."""

    ERASED = "erased"
    UNMEASURED = "unmeasured"  # measurement was switched off, and can be switched on again


_BURY = """
INSERT INTO tombstones (digest, app_id, kind, reason, erasure_id)
SELECT digest, %(app)s, kind, %(reason)s, %(erasure)s
FROM unnest(%(digests)s::bytea[], %(kinds)s::text[]) AS sent (digest, kind)
ORDER BY digest
ON CONFLICT (digest) DO UPDATE SET reason = excluded.reason, erasure_id = excluded.erasure_id
WHERE excluded.reason = 'erased' AND tombstones.reason <> 'erased'
"""


def read_tombstone_key(connection: Connection, secret_key: bytes) -> bytes | None:
    """Reads the key of tombstones, None before the installation has one. Raises OperatorError."""
    row = run(connection, "SELECT tombstone_key FROM installation").fetchone()
    return None if row is None or row[0] is None else unwrap_key(secret_key, bytes(row[0]))


def bury(
    connection: Connection,
    key: bytes,
    app_id: int,
    ids: Iterable[PersonId],
    reason: TombstoneReason,
    erasure_id: UUID | None = None,
) -> list[bytes]:
    """Writes tombstones of ids and returns the digests that ingest has to know."""
    rows = [(id_digest(key, app_id, identity), identity.kind) for identity in set(ids)]
    arguments = {
        "app": app_id,
        "reason": reason,
        "erasure": erasure_id,
        "digests": [digest for digest, _ in rows],
        "kinds": [kind for _, kind in rows],
    }
    run(connection, _BURY, arguments)
    return [digest for digest, kind in rows if kind in ANSWERED_KINDS]


def buried(connection: Connection, digests: Iterable[bytes]) -> set[bytes]:
    """Returns those of these digests that have a tombstone."""
    rows = run(connection, "SELECT digest FROM tombstones WHERE digest = ANY(%s)", (list(digests),))
    return {bytes(digest) for (digest,) in rows}


def unmeasured(connection: Connection, digests: Iterable[bytes]) -> bool:
    """Tells whether measurement was switched off under one of these digests."""
    [(found,)] = run(
        connection,
        "SELECT EXISTS (SELECT FROM tombstones WHERE digest = ANY(%s) AND reason = 'unmeasured')",
        (list(digests),),
    ).fetchall()
    return bool(found)


def publish_forgotten(connection: Connection, redis: Redis) -> int:
    """Completes the set in Redis where it lacks something; returns how many digests it wrote."""
    rows = run(
        connection,
        "SELECT digest FROM tombstones WHERE reason = 'erased' AND kind = ANY(%s)",
        (sorted(ANSWERED_KINDS),),
    )
    digests = [bytes(digest) for (digest,) in rows]
    # It may hold more: what ingest has accepted and no worker has seen yet.
    if int(redis.scard(redis.names.forgotten)) >= len(digests):
        return 0
    for start in range(0, len(digests), _PUBLISHED_AT_ONCE):
        redis.sadd(redis.names.forgotten, *digests[start : start + _PUBLISHED_AT_ONCE])
    return len(digests)
