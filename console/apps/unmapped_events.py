"""Event ids that arrived and that no event type has: a typing error, or something to be mapped."""

from dataclasses import dataclass
from datetime import datetime

from console.apps.apps import App
from shared.database import Connection, run


@dataclass(frozen=True)
class UnmappedId:
    """`events` stored under it; the first and the last by event time."""

    event_id: str
    events: int
    first_time: datetime
    last_time: datetime


_UNMAPPED = """
    SELECT event_id, count(*), min(event_time), max(event_time) FROM events
    WHERE app_id = %s AND environment = %s AND unmapped
    GROUP BY event_id
    ORDER BY count(*) DESC, event_id
    LIMIT %s
"""


def list_unmapped(
    connection: Connection, app: App, environment: str, count: int
) -> list[UnmappedId]:
    """The `count` most frequent."""
    rows = run(connection, _UNMAPPED, (app.id, environment, count))
    return [UnmappedId(*row) for row in rows]
