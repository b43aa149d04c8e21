"""Event types: what an app's backend may report, under Swaarm's and Adjust's names for it.

Ingest knows them by their event tokens, so each reaches ingest, or is not made.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime

from console.actor import Actor, require_admin
from console.apps import App, lock_app
from console.audit import Action, Change, record_change
from console.installation import Installation
from console.labels import label, random_code
from console.publication import published
from shared.database import Connection
from shared.errors import OperatorError
from shared.queues import RedisError, enqueue

NAME_CHARACTERS_MAX = 100
MAPPING_ID_CHARACTERS_MAX = 256
EVENT_TOKEN_CHARACTERS_MAX = 64
EVENT_TYPES_MAX = 1_000  # of an app: every ingest process holds them all
_EVENT_TOKEN_LENGTH = 6  # as Adjust's


@dataclass(frozen=True)
class NewEventType:
    """What a person says of one; without an event token one is made up."""

    mapping_id: str
    name: str
    event_token: str | None = None
    unique: bool = False


@dataclass(frozen=True)
class EventType:
    """`mapping_id` is Swaarm's event_id, `event_token` Adjust's. `unique`: counts once a user."""

    id: int
    name: str
    mapping_id: str
    event_token: str
    unique: bool
    created_at: datetime


_INSERT = """
    INSERT INTO event_types (app_id, name, mapping_id, event_token, is_unique)
    VALUES (%(app_id)s, %(name)s, %(mapping_id)s, %(event_token)s, %(unique)s)
    ON CONFLICT DO NOTHING
    RETURNING id, name, mapping_id, event_token, is_unique, created_at
"""


def create_event_type(
    installation: Installation, actor: Actor, app: App, new: NewEventType
) -> EventType:
    """Raises OperatorError when a value is malformed, or taken in this app, the app has too many,
    or the change cannot be published; NotAllowed. Workers then give it the events of this
    mapping id that came before.
    """
    require_admin(actor)
    connection = installation.connection
    values = _checked(new)
    with published(installation):
        lock_app(connection, app)
        _require_room(connection, app)
        row = connection.execute(_INSERT, {**asdict(values), "app_id": app.id}).fetchone()
        if row is None:
            raise OperatorError(
                "The app has an event type with this mapping id or this event token.",
                "See `waybill event-type list`.",
            )
        made = EventType(*row)
        told = Change(Action.EVENT_TYPE_CREATE, made.name, None, asdict(values))
        record_change(connection, actor, app.id, told)
    with suppress(RedisError):  # then the workers' clock asks within a minute
        enqueue(installation.redis, "claim")
    return made


def list_event_types(connection: Connection, app: App) -> list[EventType]:
    """By mapping id."""
    rows = connection.execute(
        """
        SELECT id, name, mapping_id, event_token, is_unique, created_at FROM event_types
        WHERE app_id = %s
        ORDER BY mapping_id
        """,
        (app.id,),
    )
    return [EventType(*row) for row in rows]


def _checked(new: NewEventType) -> NewEventType:
    token = random_code(_EVENT_TOKEN_LENGTH) if new.event_token is None else new.event_token
    return NewEventType(
        mapping_id=label("mapping-id", new.mapping_id, MAPPING_ID_CHARACTERS_MAX),
        name=label("name", new.name, NAME_CHARACTERS_MAX),
        event_token=label("event-token", token, EVENT_TOKEN_CHARACTERS_MAX),
        unique=new.unique,
    )


def _require_room(connection: Connection, app: App) -> None:
    row = connection.execute(
        "SELECT count(*) FROM event_types WHERE app_id = %s", (app.id,)
    ).fetchone()
    assert row is not None
    if row[0] >= EVENT_TYPES_MAX:
        raise OperatorError(
            f"The app has {EVENT_TYPES_MAX:,} event types, which is the limit. "
            "Report what differs in a parameter instead."
        )
