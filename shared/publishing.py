"""Publishes the snapshot: what the tables hold of apps, tokens and links, for ingest to see.

Tokens are stored under the installation's key: with another one none of them would be known, and a
snapshot published by its holder would lock every sender out. So `require_key` comes first.

`publish_snapshot` runs inside the transaction that makes a change, under a lock: what cannot be
published is not committed, and two changes cannot overtake one another. Versions come from a
PostgreSQL sequence: they never repeat, even when Redis has lost its data.
"""

import hmac
from typing import cast

import msgspec

from shared.database import Connection
from shared.errors import OperatorError
from shared.events import Environment
from shared.queues import Redis
from shared.snapshot import (
    SNAPSHOT_KEY,
    VERSION_KEY,
    Grant,
    Link,
    LinkKey,
    Snapshot,
    decode_snapshot,
    encode_snapshot,
)
from shared.tokens import key_check

_LOCK = 7_246_001  # any number that no other advisory lock of Waybill has
_NO_VERSION = 0


def require_key(connection: Connection, secret_key: bytes) -> None:
    """The first key that comes is written down; from then on another raises OperatorError."""
    check = key_check(secret_key)
    if not hmac.compare_digest(_written_check(connection, check), check):
        raise OperatorError(
            "WAYBILL_SECRET_KEY is not the key that this installation's tokens are stored under. "
            "Use the key that the installation was made with."
        )


def publish_snapshot(connection: Connection, redis: Redis, secret_key: bytes) -> int:
    """Publish what the tables hold, in the transaction that `connection` has open; its version."""
    _lock(connection)
    return _publish(connection, redis, _held(connection, secret_key))


def refresh_snapshot(connection: Connection, redis: Redis, secret_key: bytes) -> int | None:
    """Publish only if Redis holds something else than the tables do; the new version, or None.

    Raises OperatorError when the tables were made under another installation key: what this program
    would publish then, no ingest process could use.
    """
    require_key(connection, secret_key)
    _lock(connection)
    held = _held(connection, secret_key)
    if _published(redis) == held:
        return None
    return _publish(connection, redis, held)


def _written_check(connection: Connection, check: bytes) -> bytes:
    connection.execute(
        "INSERT INTO installation (id, key_check) VALUES (1, %s) ON CONFLICT DO NOTHING", (check,)
    )
    row = connection.execute("SELECT key_check FROM installation").fetchone()
    assert row is not None
    return bytes(row[0])


def _lock(connection: Connection) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def _held(connection: Connection, secret_key: bytes) -> Snapshot:
    """What the tables hold, as a snapshot without a version."""
    return Snapshot(_NO_VERSION, key_check(secret_key), _grants(connection), _links(connection))


def _grants(connection: Connection) -> dict[bytes, Grant]:
    rows = connection.execute(
        "SELECT digest, id, app_id, test FROM tokens WHERE revoked_at IS NULL ORDER BY id"
    )
    return {
        bytes(digest): Grant(token, app, Environment.SANDBOX if test else Environment.PRODUCTION)
        for digest, token, app, test in rows
    }


def _links(connection: Connection) -> dict[LinkKey, Link]:
    rows = connection.execute(
        "SELECT offer_id, pub_id, id, app_id, destination FROM links ORDER BY id"
    )
    return {LinkKey(offer, pub): Link(*link) for offer, pub, *link in rows}


def _published(redis: Redis) -> Snapshot | None:
    """What Redis holds, as a snapshot without a version; None when that is not in order."""
    version, data = cast("list[bytes | None]", redis.mget(VERSION_KEY, SNAPSHOT_KEY))
    if version is None or data is None:
        return None
    try:
        snapshot = decode_snapshot(data)
    except msgspec.MsgspecError:
        return None
    return _versioned(snapshot, _NO_VERSION) if snapshot.version == int(version) else None


def _publish(connection: Connection, redis: Redis, held: Snapshot) -> int:
    row = connection.execute("SELECT nextval('snapshot_version')").fetchone()
    assert row is not None
    snapshot = _versioned(held, row[0])
    redis.mset({SNAPSHOT_KEY: encode_snapshot(snapshot), VERSION_KEY: snapshot.version})
    return snapshot.version


def _versioned(snapshot: Snapshot, version: int) -> Snapshot:
    return msgspec.structs.replace(snapshot, version=version)
