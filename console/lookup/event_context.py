"""Where an event stands in its user's life: who brought them then, and in which session it was."""

from dataclasses import dataclass
from uuid import UUID

from console.lookup.attributions import AttributionRecord, Brought, attribution_at, brought_by
from console.lookup.conversions import Conversion, conversion_of
from console.lookup.sessions import SessionRecord, session_at
from shared.database import Connection, run

BROUGHT_SHOWN_MAX = 20

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
    """Of an event the attribution in force then, its session, as far as they are decided, and what
    it is for the partner.

    Of a click whom it brought, the first few.
    """

    app_id: int
    attribution: AttributionRecord | None = None
    session: SessionRecord | None = None
    brought: tuple[Brought, ...] = ()
    conversion: Conversion | None = None


def find_event_context(connection: Connection, receipt: UUID) -> EventContext | None:
    """None for what is not stored."""
    return _of_event(connection, receipt) or _of_click(connection, receipt)


def _of_event(connection: Connection, receipt: UUID) -> EventContext | None:
    row = run(connection, _USER, (receipt,)).fetchone()
    if row is None:
        return None
    app_id, user_ref, time = row
    then = attribution_at(connection, user_ref, time, receipt)
    return EventContext(
        app_id,
        then,
        session_at(connection, user_ref, time, receipt),
        conversion=conversion_of(connection, user_ref, time, receipt, then) if then else None,
    )


def _of_click(connection: Connection, receipt: UUID) -> EventContext | None:
    row = run(connection, _CLICK, (receipt,)).fetchone()
    if row is None:
        return None
    app_id, environment, click_id = row
    brought = brought_by(connection, app_id, environment, click_id, BROUGHT_SHOWN_MAX)
    return EventContext(app_id, brought=tuple(brought))
