"""Writes the marks again from the tables, when Redis has lost them.

Newest users first, as many as fit; then what they have had of unique events. In short jobs, each
going on where the last one ended; once all is written, a missing mark says something again.
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
    COMPLETE_KEY,
    MARKERS_MAX,
    SeenMarker,
    device_marker,
    set_markers,
    unique_marker,
)
from workers.sql.json_rows import as_ms

PROGRESS_KEY = "waybill:marks:progress"
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
    """How far it is: the last user, how many, and the last unique event."""

    user_ref: int = 2**63 - 1
    users: int = 0
    unique: tuple[int, str, int, str] | None = None


def seen_markers_are_lost(redis: Redis) -> bool:
    return not redis.exists(COMPLETE_KEY)


def restore_seen(connection: Connection, redis: Redis, now: Clock, seconds_max: float) -> bool:
    """Whether there is more to do."""
    ends_at = monotonic() + seconds_max
    for progress, marks in _pages(connection, _progress(redis)):
        set_markers(redis, marks, now())
        redis.set(PROGRESS_KEY, msgspec.json.encode(progress))
        if monotonic() >= ends_at:
            return True
    redis.set(COMPLETE_KEY, 1)
    redis.delete(PROGRESS_KEY)
    return False


def _progress(redis: Redis) -> Progress:
    data = cast("bytes | None", redis.get(PROGRESS_KEY))
    return Progress() if data is None else msgspec.json.decode(data, type=Progress)


def _pages(
    connection: Connection, progress: Progress
) -> Iterator[tuple[Progress, list[SeenMarker]]]:
    while progress.unique is None and progress.users < MARKERS_MAX:
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
