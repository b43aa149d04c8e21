"""Event types: the events that an app's backend reports, with Swaarm's and Adjust's names for them.

Ingest identifies them by event token, so each is published to ingest or is not created.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from console.actor import Actor, require_admin
from console.apps.apps import App, lock_app
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from console.validation import clean_code, clean_event_name, clean_shown_name, random_code
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.redis import RedisError
from shared.rq_queue import enqueue

NAME_CHARACTERS_MAX = 100
MAPPING_ID_CHARACTERS_MAX = 256
EVENT_TOKEN_CHARACTERS_MAX = 64
EVENT_TYPES_MAX = 1_000  # of an app: every ingest process holds them all
_EVENT_TOKEN_LENGTH = 6  # as Adjust's


@dataclass(frozen=True)
class NewEventType:
    """The values of a new event type; without an event token one is generated."""

    mapping_id: str
    name: str
    event_token: str | None = None
    unique: bool = False
    multiple_postbacks: bool = False


@dataclass(frozen=True)
class EventType:
    """An event type. `mapping_id` is Swaarm's event_id, `event_token` Adjust's.

    A `unique` one counts once per user. With `multiple_postbacks` each event is a conversion for
    the partner (`console.lookup.conversions`).
    """

    id: int
    name: str
    mapping_id: str
    event_token: str
    unique: bool
    multiple_postbacks: bool
    created_at: datetime
    archived_at: datetime | None = None


_SEE = "See `waybill event-type list`."
_COLUMNS = """
    id, name, mapping_id, event_token, is_unique, multiple_postbacks, created_at, archived_at
"""
_SELECT = f"SELECT {_COLUMNS} FROM event_types WHERE app_id = %s"
_INSERT = f"""
    INSERT INTO event_types (
        app_id, name, mapping_id, event_token, is_unique, multiple_postbacks
    )
    VALUES (
        %(app_id)s, %(name)s, %(mapping_id)s, %(event_token)s, %(unique)s, %(multiple_postbacks)s
    )
    ON CONFLICT DO NOTHING
    RETURNING {_COLUMNS}
"""
_SET_POSTBACKS = f"""
    UPDATE event_types SET multiple_postbacks = %(wanted)s
    WHERE id = %(id)s AND multiple_postbacks <> %(wanted)s
    RETURNING {_COLUMNS}
"""


def create_event_type(resources: Resources, actor: Actor, app: App, new: NewEventType) -> EventType:
    """Creates an event type. Workers then backfill the earlier events with its mapping id.

    Raises OperatorError when a value is malformed or taken in this app, the app has too many event
    types, or the change cannot be published, and NotAllowed for a viewer.
    """
    require_admin(actor)
    connection = resources.connection
    token = random_code(_EVENT_TOKEN_LENGTH) if new.event_token is None else new.event_token
    values = {
        "mapping_id": clean_event_name("mapping-id", new.mapping_id, MAPPING_ID_CHARACTERS_MAX),
        "name": clean_shown_name("name", new.name, NAME_CHARACTERS_MAX),
        "event_token": clean_code("event-token", token, EVENT_TOKEN_CHARACTERS_MAX),
        "unique": new.unique,
        "multiple_postbacks": new.multiple_postbacks,
    }
    with publishing_transaction(resources):
        lock_app(connection, app)
        _require_room(connection, app)
        row = run(connection, _INSERT, {**values, "app_id": app.id}).fetchone()
        if row is None:
            raise OperatorError(
                "The app has an event type with this mapping ID or this event token.",
                _SEE,
            )
        event_type = EventType(*row)
        change = Change(Action.EVENT_TYPE_CREATE, event_type.name, None, values)
        record_change(connection, actor, app.id, change)
    with suppress(RedisError):  # then the workers' clock enqueues it within a minute
        enqueue(resources.redis, "backfill_event_types")
    return event_type


def list_event_types(connection: Connection, app: App) -> list[EventType]:
    """Returns the event types of an app, by mapping id."""
    rows = run(connection, f"{_SELECT} ORDER BY mapping_id", (app.id,))
    return [EventType(*row) for row in rows]


def find_event_type(connection: Connection, app: App, mapping_id: str) -> EventType:
    """Returns the event type with this mapping id. Raises OperatorError when there is none."""
    statement = f"{_SELECT} AND mapping_id = %s"
    row = run(connection, statement, (app.id, mapping_id)).fetchone()
    if row is None:
        raise OperatorError("The app has no event type with this mapping ID.", _SEE)
    return EventType(*row)


def set_multiple_postbacks(
    connection: Connection, actor: Actor, app: App, event_type: EventType, wanted: bool
) -> EventType:
    """Turns multiple postbacks on or off and returns the event type.

    The same value again changes nothing. Raises NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(connection):
        values = {"id": event_type.id, "wanted": wanted}
        row = run(connection, _SET_POSTBACKS, values).fetchone()
        if row is None:
            return event_type
        before, after = {"multiple_postbacks": not wanted}, {"multiple_postbacks": wanted}
        change = Change(Action.EVENT_TYPE_POSTBACKS, event_type.name, before, after)
        record_change(connection, actor, app.id, change)
    return EventType(*row)


def _require_room(connection: Connection, app: App) -> None:
    row = run(
        connection, "SELECT count(*) FROM event_types WHERE app_id = %s", (app.id,)
    ).fetchone()
    assert row is not None
    if row[0] >= EVENT_TYPES_MAX:
        raise OperatorError(
            f"The app has {EVENT_TYPES_MAX:,} event types, which is the limit. "
            "Distinguish events by a parameter instead."
        )
