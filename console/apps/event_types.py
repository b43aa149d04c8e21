"""Event types: what an app's backend may report, under Swaarm's and Adjust's names for it.

Ingest knows them by their event tokens, so each reaches ingest, or is not made.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime

from console.actor import Actor, require_admin
from console.apps.apps import App, lock_app
from console.audit import Action, Change, record_change
from console.publication import published
from console.resources import Resources
from console.validation import label, random_code
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
    """What a person says of one; without an event token one is made up."""

    mapping_id: str
    name: str
    event_token: str | None = None
    unique: bool = False
    multiple_postbacks: bool = False


@dataclass(frozen=True)
class EventType:
    """`mapping_id` is Swaarm's event_id, `event_token` Adjust's. `unique`: counts once a user.
    `multiple_postbacks`: each is a conversion for the partner (`console.lookup.conversions`).
    """

    id: int
    name: str
    mapping_id: str
    event_token: str
    unique: bool
    multiple_postbacks: bool
    created_at: datetime


_SEE = "See `waybill event-type list`."
_COLUMNS = "id, name, mapping_id, event_token, is_unique, multiple_postbacks, created_at"
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
    """Raises OperatorError when a value is malformed, or taken in this app, the app has too many,
    or the change cannot be published; NotAllowed. Workers then give it the events of this
    mapping id that came before.
    """
    require_admin(actor)
    connection = resources.connection
    values = _checked(new)
    with published(resources):
        lock_app(connection, app)
        _require_room(connection, app)
        row = run(connection, _INSERT, {**asdict(values), "app_id": app.id}).fetchone()
        if row is None:
            raise OperatorError(
                "The app has an event type with this mapping id or this event token.",
                _SEE,
            )
        made = EventType(*row)
        told = Change(Action.EVENT_TYPE_CREATE, made.name, None, asdict(values))
        record_change(connection, actor, app.id, told)
    with suppress(RedisError):  # then the workers' clock asks within a minute
        enqueue(resources.redis, "backfill_event_types")
    return made


def list_event_types(connection: Connection, app: App) -> list[EventType]:
    """By mapping id."""
    rows = run(connection, f"{_SELECT} ORDER BY mapping_id", (app.id,))
    return [EventType(*row) for row in rows]


def find_event_type(connection: Connection, app: App, mapping_id: str) -> EventType:
    """Raises OperatorError when the app has none with this mapping id."""
    statement = f"{_SELECT} AND mapping_id = %s"
    row = run(connection, statement, (app.id, mapping_id)).fetchone()
    if row is None:
        raise OperatorError("The app has no event type with this mapping id.", _SEE)
    return EventType(*row)


def set_multiple_postbacks(
    connection: Connection, actor: Actor, app: App, event_type: EventType, wanted: bool
) -> EventType:
    """As it stands then; what says nothing new changes nothing. NotAllowed."""
    require_admin(actor)
    with transaction(connection):
        values = {"id": event_type.id, "wanted": wanted}
        row = run(connection, _SET_POSTBACKS, values).fetchone()
        if row is None:
            return event_type
        told = Change(
            Action.EVENT_TYPE_POSTBACKS,
            event_type.name,
            {"multiple_postbacks": not wanted},
            {"multiple_postbacks": wanted},
        )
        record_change(connection, actor, app.id, told)
    return EventType(*row)


def _checked(new: NewEventType) -> NewEventType:
    token = random_code(_EVENT_TOKEN_LENGTH) if new.event_token is None else new.event_token
    return NewEventType(
        mapping_id=label("mapping-id", new.mapping_id, MAPPING_ID_CHARACTERS_MAX),
        name=label("name", new.name, NAME_CHARACTERS_MAX),
        event_token=label("event-token", token, EVENT_TOKEN_CHARACTERS_MAX),
        unique=new.unique,
        multiple_postbacks=new.multiple_postbacks,
    )


def _require_room(connection: Connection, app: App) -> None:
    row = run(
        connection, "SELECT count(*) FROM event_types WHERE app_id = %s", (app.id,)
    ).fetchone()
    assert row is not None
    if row[0] >= EVENT_TYPES_MAX:
        raise OperatorError(
            f"The app has {EVENT_TYPES_MAX:,} event types, which is the limit. "
            "Report what differs in a parameter instead."
        )
