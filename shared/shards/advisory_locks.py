"""Names PostgreSQL's advisory locks, and takes them for one shard.

They are of a whole database, whose schemas may be shards that have nothing to do with one another:
so the number of a lock contains the schema. In `public` it is the number alone, as it was before
there were shards.
"""

from enum import IntEnum, unique

from shared.database import Connection, run


@unique
class AdvisoryLock(IntEnum):
    """The locks. What each of them keeps from happening twice at a time is its name."""

    PUBLISH_SNAPSHOT = 7_246_001
    MIGRATE = 7_246_002
    CREATE_PARTITIONS = 7_246_003
    ROLL_UP = 7_246_004  # shared by rollups; with an app: its own
    DECIDE_DUE = 7_246_005
    USE_CLICKS = 7_246_006  # with an app
    STORE_EVENTS = 7_246_009  # shared by drains
    ERASE = 7_246_010
    EVALUATE_ALERTS = 7_246_016
    UPLOAD = 7_246_022
    GRANT_RIGHTS = 7_246_023
    VERIFY_AUDIT = 7_246_024
    CLOSE_DAYS = 7_246_025  # shared by whoever looks for old events


_SCHEMA = "CASE current_schema() WHEN 'public' THEN 0 ELSE hashtext(current_schema()) END"
# The key of a lock; and its first part, of two, where the second is an app.
_KEY = f"(({_SCHEMA})::bigint << 32) + %s"
KEY_OF_APPS = f"%s::integer # ({_SCHEMA})"

_LOCK = f"SELECT pg_advisory_xact_lock({_KEY})"
_TRY_LOCK = f"SELECT pg_try_advisory_xact_lock({_KEY})"
_SHARE = f"SELECT pg_advisory_xact_lock_shared({_KEY})"
_TRY_SHARE = f"SELECT pg_try_advisory_xact_lock_shared({_KEY})"
_TRY_LOCK_APP = f"SELECT pg_try_advisory_xact_lock({KEY_OF_APPS}, hashint8(%s))"
_LOCK_SESSION = f"SELECT pg_advisory_lock({_KEY})"
_TRY_LOCK_SESSION = f"SELECT pg_try_advisory_lock({_KEY})"
_UNLOCK_SESSION = f"SELECT pg_advisory_unlock({_KEY})"
_SHARE_SESSION = f"SELECT pg_advisory_lock_shared({_KEY})"
_UNSHARE_SESSION = f"SELECT pg_advisory_unlock_shared({_KEY})"


def lock(connection: Connection, name: AdvisoryLock) -> None:
    """Waits for a lock, and holds it until the transaction ends."""
    run(connection, _LOCK, (name.value,))


def try_lock(connection: Connection, name: AdvisoryLock) -> bool:
    """Takes a lock until the transaction ends, unless somebody holds it."""
    return run(connection, _TRY_LOCK, (name.value,)).fetchone() == (True,)


def share(connection: Connection, name: AdvisoryLock) -> None:
    """Waits until nobody holds a lock alone, and shares it until the transaction ends."""
    run(connection, _SHARE, (name.value,))


def try_share(connection: Connection, name: AdvisoryLock) -> bool:
    """Shares a lock until the transaction ends, unless somebody holds it alone."""
    return run(connection, _TRY_SHARE, (name.value,)).fetchone() == (True,)


def try_lock_app(connection: Connection, name: AdvisoryLock, app_id: int) -> bool:
    """Takes the lock of an app until the transaction ends, unless somebody holds it."""
    return run(connection, _TRY_LOCK_APP, (name.value, app_id)).fetchone() == (True,)


def lock_session(connection: Connection, name: AdvisoryLock) -> None:
    """Waits for a lock, and holds it until `unlock_session` or the end of the session."""
    run(connection, _LOCK_SESSION, (name.value,))


def try_lock_session(connection: Connection, name: AdvisoryLock) -> bool:
    """Takes a lock until `unlock_session` or the end of the session, unless somebody holds it."""
    return run(connection, _TRY_LOCK_SESSION, (name.value,)).fetchone() == (True,)


def unlock_session(connection: Connection, name: AdvisoryLock) -> None:
    """Gives up a lock that the session holds."""
    run(connection, _UNLOCK_SESSION, (name.value,))


def share_session(connection: Connection, name: AdvisoryLock) -> None:
    """Waits until nobody holds a lock alone, and shares it until `unshare_session`."""
    run(connection, _SHARE_SESSION, (name.value,))


def unshare_session(connection: Connection, name: AdvisoryLock) -> None:
    """Gives up a lock that the session shares."""
    run(connection, _UNSHARE_SESSION, (name.value,))
