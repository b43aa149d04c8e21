"""Lists event ids that arrived without an event type: typing errors, or events yet to be mapped."""

from dataclasses import dataclass
from datetime import datetime

from console.apps.apps import App
from shared.database import Connection, run
from shared.day_files.rows import unmapped_rows


@dataclass(frozen=True)
class UnmappedId:
    """An event id without an event type.

    `events` were stored with it, between `first_time` and `last_time` by event time.
    """

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
    """Returns the `count` most frequent unmapped event ids."""
    with unmapped_rows(connection, app.id, environment):
        rows = run(connection, _UNMAPPED, (app.id, environment, count)).fetchall()
    return [UnmappedId(*row) for row in rows]
