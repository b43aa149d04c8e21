"""Restores the seen markers from the tables when Redis has lost them.

It writes the newest users first, up to USERS_MAX, and then their unique events. The work is split
into short jobs that each continue where the last one ended; once all markers are written, a missing
marker is meaningful again.
"""

from collections.abc import Iterator
from time import monotonic
from typing import cast

import msgspec

from shared.clock import Clock
from shared.database import Connection, run
from shared.events import Environment
from shared.redis import Redis
from shared.seen import (
    SeenMarker,
    device_marker,
    set_markers,
    unique_marker,
)
from workers.sql.expressions import as_ms

USERS_MAX = 5_000_000  # of all apps: minutes of work; each app keeps what it has room for
_PAGE = 1_000

_USERS = f"""
SELECT id, app_id, environment, user_id, {as_ms("first_time")}
FROM users WHERE id < %s AND first_time IS NOT NULL
ORDER BY id DESC LIMIT %s
"""
_UNIQUES = """
SELECT app_id, environment, event_type_id, user_id
FROM unique_events WHERE (app_id, environment, event_type_id, user_id) > (%s, %s, %s, %s)
ORDER BY app_id, environment, event_type_id, user_id LIMIT %s
"""


class Progress(msgspec.Struct, array_like=True):
    """The progress: the last user, the number of users, and the last unique event."""

    user_ref: int = 2**63 - 1
    users: int = 0
    unique: tuple[int, str, int, str] | None = None


def seen_markers_are_lost(redis: Redis) -> bool:
    """Tells whether Redis lacks the seen markers, or part of them."""
    return not redis.exists(redis.names.markers_complete)


def restore_seen(connection: Connection, redis: Redis, now: Clock, seconds_max: float) -> bool:
    """Writes markers until time is up; tells whether there is more to do."""
    ends_at = monotonic() + seconds_max
    stored = cast("bytes | None", redis.get(redis.names.markers_progress))
    start = Progress() if stored is None else msgspec.json.decode(stored, type=Progress)
    for progress, markers in _pages(connection, start):
        set_markers(redis, markers, now())
        redis.set(redis.names.markers_progress, msgspec.json.encode(progress))
        if monotonic() >= ends_at:
            return True
    redis.set(redis.names.markers_complete, 1)
    redis.delete(redis.names.markers_progress)
    return False


def _pages(
    connection: Connection, progress: Progress
) -> Iterator[tuple[Progress, list[SeenMarker]]]:
    """Yields the markers from `progress` on, a page at a time, each with the progress after it."""
    while progress.unique is None and progress.users < USERS_MAX:
        users = run(connection, _USERS, (progress.user_ref, _PAGE)).fetchall()
        if not users:
            break
        progress = Progress(users[-1][0], progress.users + len(users))
        yield (
            progress,
            [
                device_marker(app, Environment(environment), user, first_ms)
                for _, app, environment, user, first_ms in users
            ],
        )
    unique = progress.unique or (0, "", 0, "")
    while rows := run(connection, _UNIQUES, (*unique, _PAGE)).fetchall():
        unique = rows[-1]
        yield (
            Progress(progress.user_ref, progress.users, unique),
            [
                unique_marker(app, Environment(environment), event_type, user)
                for app, environment, event_type, user in rows
            ],
        )
