"""The job: stores one event in its tables."""

import os
from datetime import UTC, datetime
from functools import cache

import psycopg
from psycopg.types.json import Jsonb

_USER = """
INSERT INTO users (app_id, user_id) VALUES (%s, %s)
ON CONFLICT (app_id, user_id) DO UPDATE SET user_id = excluded.user_id
RETURNING id, attributed_at
"""
_EVENT = "INSERT INTO events VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
_CLICK = """
SELECT id FROM clicks
WHERE app_id = %s AND device_id = %s AND clicked_at BETWEEN %s - interval '7 days' AND %s
ORDER BY clicked_at DESC LIMIT 1
"""
_ATTRIBUTE = "UPDATE users SET click_id = %s, attributed_at = %s WHERE id = %s"
_GO_ON = """
UPDATE sessions SET ended_at = %s
WHERE id = (
    SELECT id FROM sessions WHERE user_ref = %s AND ended_at >= %s - interval '30 minutes'
    ORDER BY ended_at DESC LIMIT 1
)
"""
_BEGIN = "INSERT INTO sessions (user_ref, started_at, ended_at) VALUES (%s, %s, %s)"

Parameters = dict[str, str]


@cache
def connection() -> psycopg.Connection[tuple[object, ...]]:
    made: psycopg.Connection[tuple[object, ...]] = psycopg.connect(
        os.environ["BASELINE_DATABASE"], autocommit=True, prepare_threshold=0
    )
    return made


def store(receipt: str, app_id: int, received_at: float, parameters: Parameters) -> None:
    """Stores an event of a user, with everything that follows from it, in one transaction."""
    at = datetime.fromtimestamp(received_at, UTC)
    with connection().transaction():
        execute = connection().execute
        user = execute(_USER, (app_id, parameters["user_id"])).fetchone()
        assert user is not None
        user_ref, attributed_at = user
        execute(_EVENT, (receipt, user_ref, parameters["event_id"], at, Jsonb(parameters)))
        if attributed_at is None:
            click = execute(_CLICK, (app_id, parameters.get("gaid"), at, at)).fetchone()
            execute(_ATTRIBUTE, (click[0] if click else None, at, user_ref))
        if execute(_GO_ON, (at, user_ref, at)).rowcount == 0:
            execute(_BEGIN, (user_ref, at, at))
