"""Finds the context of an event: the attribution in force for it, and its session."""

from dataclasses import dataclass
from uuid import UUID

from console.lookup.attributions import (
    AttributedUser,
    AttributionRecord,
    attribution_at,
    users_attributed_to,
)
from console.lookup.conversions import Conversion, find_conversion
from console.lookup.sessions import SessionRecord, session_at
from shared.database import Connection, run
from shared.day_files.rows import rows_of_receipts

ATTRIBUTED_USERS_MAX = 20

_USER = """
    SELECT users.app_id, users.id, events.event_time
    FROM events
    JOIN users ON users.app_id = events.app_id AND users.environment = events.environment
        AND users.user_id = events.user_id COLLATE "C"
    WHERE events.receipt = %s
"""
_CLICK = "SELECT app_id, environment, click_id FROM clicks WHERE receipt = %s"


@dataclass(frozen=True)
class EventContext:
    """The context of an event or a click.

    An event has the attribution in force for it and its session, as far as they are decided, and
    its conversion for the partner. A click has the first few users who are attributed to it.
    """

    app_id: int
    attribution: AttributionRecord | None = None
    session: SessionRecord | None = None
    brought: tuple[AttributedUser, ...] = ()
    conversion: Conversion | None = None


def find_event_context(connection: Connection, receipt: UUID) -> EventContext | None:
    """Returns the context of a stored event or click, else None."""
    with rows_of_receipts(connection, [receipt]):
        row = run(connection, _USER, (receipt,)).fetchone()
    if row is not None:
        app_id, user_ref, time = row
        attribution = attribution_at(connection, user_ref, time)
        conversion = None
        if attribution is not None:
            conversion = find_conversion(connection, user_ref, time, receipt, attribution)
        session = session_at(connection, user_ref, time)
        return EventContext(app_id, attribution, session, conversion=conversion)
    row = run(connection, _CLICK, (receipt,)).fetchone()
    if row is None:
        return None
    app_id, environment, click_id = row
    users = users_attributed_to(connection, app_id, environment, click_id, ATTRIBUTED_USERS_MAX)
    return EventContext(app_id, brought=tuple(users))
