"""Event types: what an app's backend may report, under Swaarm's and Adjust's names for it."""

from dataclasses import dataclass
from datetime import datetime

from console.apps import App
from console.labels import label, random_code
from shared.database import Connection
from shared.errors import OperatorError

NAME_CHARACTERS_MAX = 100
MAPPING_ID_CHARACTERS_MAX = 256
EVENT_TOKEN_CHARACTERS_MAX = 64
_EVENT_TOKEN_LENGTH = 6  # as Adjust's


@dataclass(frozen=True)
class EventType:
    """`mapping_id` is Swaarm's event_id, `event_token` Adjust's."""

    id: int
    name: str
    mapping_id: str
    event_token: str
    created_at: datetime


def create_event_type(
    connection: Connection, app: App, mapping_id: str, name: str, event_token: str | None = None
) -> EventType:
    """Raises OperatorError when a value is malformed, or taken in this app."""
    if event_token is None:
        event_token = random_code(_EVENT_TOKEN_LENGTH)
    values = (
        app.id,
        label("--name", name, NAME_CHARACTERS_MAX),
        label("--mapping-id", mapping_id, MAPPING_ID_CHARACTERS_MAX),
        label("--event-token", event_token, EVENT_TOKEN_CHARACTERS_MAX),
    )
    row = connection.execute(
        """
        INSERT INTO event_types (app_id, name, mapping_id, event_token) VALUES (%s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        RETURNING id, name, mapping_id, event_token, created_at
        """,
        values,
    ).fetchone()
    if row is None:
        raise OperatorError(
            "The app has an event type with this mapping id or this event token. "
            "See `waybill event-type list`."
        )
    return EventType(*row)


def list_event_types(connection: Connection, app: App) -> list[EventType]:
    """By mapping id."""
    rows = connection.execute(
        """
        SELECT id, name, mapping_id, event_token, created_at FROM event_types
        WHERE app_id = %s
        ORDER BY mapping_id
        """,
        (app.id,),
    )
    return [EventType(*row) for row in rows]
