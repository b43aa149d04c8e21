"""Reads the sessions of a user."""

from dataclasses import dataclass
from datetime import datetime

from shared.database import Connection, run


@dataclass(frozen=True)
class SessionRecord:
    """A session with the number of its opens and other events."""

    start_time: datetime
    last_activity: datetime
    opens: int
    events: int


_OF_USER = """
    SELECT start_time, last_activity, opens, events FROM sessions WHERE user_ref = %s
    ORDER BY start_time DESC, start_receipt DESC LIMIT %s
"""
_AT = """
    SELECT start_time, last_activity, opens, events FROM sessions
    WHERE user_ref = %s AND start_time <= %s
    ORDER BY start_time DESC, start_receipt DESC LIMIT 1
"""


def list_sessions(connection: Connection, user_ref: int, count: int) -> list[SessionRecord]:
    """Returns the newest `count` sessions of a user in time order."""
    rows = run(connection, _OF_USER, (user_ref, count)).fetchall()
    return [SessionRecord(*row) for row in reversed(rows)]


def session_at(connection: Connection, user_ref: int, time: datetime) -> SessionRecord | None:
    """Returns the session of an event of this time, or None if it is in none."""
    row = run(connection, _AT, (user_ref, time)).fetchone()
    session = SessionRecord(*row) if row else None
    return session if session and time <= session.last_activity else None
