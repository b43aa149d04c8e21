"""Publishes the snapshot: the apps, event types, tokens and links that the tables hold.

Tokens are stored under the installation's key: with another key none of them would be known, and a
snapshot published with it would lock every sender out. So `require_key` comes first.

`publish_snapshot` runs inside the transaction that makes a change, under a lock: a change that
cannot be published is not committed, and two changes cannot overtake one another. Versions come
from a PostgreSQL sequence: they never repeat, even if Redis has lost its data.
"""

from collections import defaultdict

from shared.database import Connection, run
from shared.errors import OperatorError
from shared.events import Environment
from shared.keys.installation_key import key_with_check
from shared.limits.app_limits import stored_limits
from shared.privacy.tombstone_key import new_wrapped_key
from shared.redis import Redis
from shared.scopes import Scope
from shared.shards.advisory_locks import AdvisoryLock, lock
from shared.shards.snapshot_parts import (
    SplitSnapshot,
    published_index,
    split,
    with_version,
    write_snapshot,
)
from shared.snapshot import (
    Grant,
    KnownApp,
    KnownEventType,
    KnownLink,
    LinkKey,
    Snapshot,
)
from shared.tokens import key_check

_NO_VERSION = 0
_KEYS = "SELECT key_check, tombstone_key, click_keys FROM installation"


def require_key(connection: Connection, secret_key: bytes) -> bytes:
    """Returns the key in force: the accepted one whose check is stored; stores that of the first.

    Raises OperatorError if the installation has another key.
    """
    check = key_check(secret_key)
    run(
        connection,
        "INSERT INTO installation (id, key_check, tombstone_key) VALUES (1, %s, %s) "
        "ON CONFLICT DO NOTHING",
        (check, new_wrapped_key(secret_key)),
    )
    row = run(connection, "SELECT key_check FROM installation").fetchone()
    assert row is not None
    key = key_with_check(secret_key, bytes(row[0]))
    if key is None:
        raise OperatorError(
            "WAYBILL_SECRET_KEY is not the key that this installation's tokens are stored under. "
            "Use the key that the installation was created with, or last rotated to."
        )
    # An installation of an older version has none yet; two programs may notice at once.
    run(
        connection,
        "UPDATE installation SET tombstone_key = %s WHERE tombstone_key IS NULL",
        (new_wrapped_key(key),),
    )
    return key


def publish_snapshot(connection: Connection, redis: Redis, secret_key: bytes) -> int:
    """Publishes the tables in the open transaction of `connection`; returns the new version."""
    _lock(connection)
    return _publish(connection, redis, split(_read_tables(connection, secret_key)))


def refresh_snapshot(connection: Connection, redis: Redis, secret_key: bytes) -> int | None:
    """Publishes only if Redis differs from the tables; returns the new version, or None.

    Raises OperatorError if the tables were made under another installation key: no ingest process
    could use the snapshot that this program would publish then.
    """
    require_key(connection, secret_key)
    _lock(connection)
    tables = split(_read_tables(connection, secret_key))
    published = published_index(redis)
    if published and with_version(published, _NO_VERSION) == tables.index:
        return None
    return _publish(connection, redis, tables)


def _lock(connection: Connection) -> None:
    lock(connection, AdvisoryLock.PUBLISH_SNAPSHOT)


def _read_tables(connection: Connection, secret_key: bytes) -> Snapshot:
    """Reads the tables into a snapshot without a version."""
    grants, inactive = _tokens(connection)
    links = run(
        connection,
        """
        SELECT
            offer_id, pub_id, links.id, app_id, links.destination, links.name, postback_names,
            coalesce(links.archived_at, partners.archived_at, apps.archived_at) IS NOT NULL
        FROM links
        JOIN partners ON partners.id = partner_id
        JOIN apps ON apps.id = app_id
        ORDER BY links.id
        """,
    )
    check, tombstone_key, click_keys = run(connection, _KEYS).fetchone() or (None, None, [])
    [(has_tombstones,)] = run(
        connection, "SELECT EXISTS (SELECT FROM tombstones WHERE reason = 'erased')"
    ).fetchall()
    return Snapshot(
        version=_NO_VERSION,
        key_check=bytes(check or key_check(secret_key)),
        grants=grants,
        links={LinkKey(offer, pub): KnownLink(*link) for offer, pub, *link in links},
        apps=_apps(connection),
        inactive=inactive,
        tombstone_key=bytes(tombstone_key or b""),
        has_forgotten=has_tombstones,
        sdk_apps=frozenset(
            app
            for (app,) in run(
                connection, "SELECT id FROM apps WHERE sdk_traffic AND archived_at IS NULL"
            )
        ),
        former_click_keys=tuple(map(bytes, click_keys)),
        truncating_apps=frozenset(
            app for (app,) in run(connection, "SELECT id FROM apps WHERE truncate_addresses")
        ),
    )


def _tokens(connection: Connection) -> tuple[dict[bytes, Grant], dict[bytes, Grant]]:
    """Reads the tokens in use, and those that are not: deactivated, revoked, of archived apps."""
    rows = run(
        connection,
        """
        SELECT digest, former_digest,
               coalesce(revoked_at, deactivated_at, apps.archived_at) IS NULL,
               tokens.id, app_id, test, scopes, (extract(epoch FROM expires_at) * 1000)::bigint, sdk
        FROM tokens JOIN apps ON apps.id = app_id
        ORDER BY tokens.id
        """,
    )
    active: dict[bytes, Grant] = {}
    inactive: dict[bytes, Grant] = {}
    for digest, former_digest, is_active, token, app, test, scopes, expires_at_ms, sdk in rows:
        environment = Environment.SANDBOX if test else Environment.PRODUCTION
        grant = Grant(token, app, environment, _scopes(scopes), expires_at_ms, sdk)
        known = active if is_active else inactive
        known[bytes(digest)] = grant
        if former_digest is not None:
            known[bytes(former_digest)] = grant
    return active, inactive


def _apps(connection: Connection) -> dict[str, KnownApp]:
    types: dict[int, dict[str, KnownEventType]] = defaultdict(dict)
    for app, event_token, *event_type in run(
        connection,
        "SELECT app_id, event_token, id, mapping_id, is_unique FROM event_types ORDER BY id",
    ):
        types[app][event_token] = KnownEventType(*event_type)
    rows = run(
        connection,
        """
        SELECT app_token, id, enforced_scopes, adjust_refusals, click_id_postbacks,
               security_token_postbacks, limits
        FROM apps
        WHERE archived_at IS NULL
        ORDER BY id
        """,
    )
    return {
        app_token: KnownApp(
            app_id=app,
            enforced=_scopes(enforced),
            adjust_refusals=refusals,
            event_types=types.get(app, {}),
            click_id_postbacks=by_click_id,
            security_token_postbacks=by_security_token,
            limits=stored_limits(limits),
        )
        for app_token, app, enforced, refusals, by_click_id, by_security_token, limits in rows
    }


def _scopes(names: list[str]) -> tuple[Scope, ...]:
    return tuple(scope for scope in Scope if scope in names)


def _publish(connection: Connection, redis: Redis, tables: SplitSnapshot) -> int:
    row = run(connection, "SELECT nextval('snapshot_version')").fetchone()
    assert row is not None
    version: int = row[0]
    index = with_version(tables.index, version)
    write_snapshot(redis, SplitSnapshot(index, tables.parts, tables.whole))
    return version
