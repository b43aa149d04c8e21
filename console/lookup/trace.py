"""Traces an event by its receipt ID: its state and what is known of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from console.apps.apps import app_names
from console.event_records import EventRecord, find_record, record_from_event, time_from_ms
from console.lookup.event_context import EventContext, find_event_context
from console.pipeline.quarantine import QuarantineEntry, find_quarantined
from shared.database import Connection, run
from shared.errors import OperatorError
from shared.ids import receipt_time_ms
from shared.inbox import find_event
from shared.names.invisible import trimmed
from shared.redis import Redis


class TraceState(StrEnum):
    """The state of what was received with a receipt ID."""

    QUEUED = "queued"  # in the inbox: on disk, no row yet
    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    ERASED = "erased"  # of a person who was erased: not stored
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Trace:
    """The result for a receipt ID.

    `event` is that of a queued or recorded one; `first` is the trace of the event that a duplicate
    repeated. `given_at` is the time in the receipt ID, None when Waybill cannot have issued it.
    """

    receipt: UUID
    given_at: datetime | None
    state: TraceState
    event: EventRecord | None = None
    first: "Trace | None" = None
    conflict: bool | None = None  # of a duplicate: the same key was sent with other data
    quarantine: QuarantineEntry | None = None
    placement: EventContext | None = None  # of a recorded receipt


def parse_receipt(text: str) -> UUID:
    """Returns the receipt ID that the text is. Raises OperatorError when it is none."""
    try:
        return UUID(trimmed(text))
    except ValueError:
        raise OperatorError(
            "This is not a receipt ID. A receipt ID is the ID in the response to an accepted "
            "event, such as 019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81."
        ) from None


def trace(
    connection: Connection, redis: Redis, receipt: UUID, visible: Collection[str] | None = None
) -> Trace:
    """Traces a receipt ID; one that is of no app in `visible` is unknown. None is every app."""
    traced = _trace(connection, redis, receipt)
    if visible is None or _app_of(traced) in visible:
        return traced
    return Trace(receipt, _given_at(receipt), TraceState.UNKNOWN)


def _app_of(traced: Trace) -> str | None:
    """Returns the name of the app, of the repeated event for a duplicate; None if nobody knows."""
    if traced.event is not None:
        return traced.event.app
    if traced.quarantine is not None:
        return traced.quarantine.app
    return _app_of(traced.first) if traced.first else None


def _trace(connection: Connection, redis: Redis, receipt: UUID) -> Trace:
    """Traces a receipt ID.

    Events move from the inbox to the tables: searching the tables, the inbox and the tables again
    cannot miss one.
    """
    if trace := _stored(connection, receipt):
        return trace
    if event := find_event(redis, receipt):
        record = record_from_event(event, app_names(connection))
        return Trace(receipt, _given_at(receipt), TraceState.QUEUED, event=record)
    unknown = Trace(receipt, _given_at(receipt), TraceState.UNKNOWN)
    return _stored(connection, receipt) or unknown


def _stored(connection: Connection, receipt: UUID) -> Trace | None:
    given_at = _given_at(receipt)
    if trace := _recorded(connection, receipt):
        return trace
    row = run(
        connection, "SELECT first_receipt, conflict FROM duplicates WHERE receipt = %s", (receipt,)
    ).fetchone()
    if row is not None:
        first_receipt, conflict = row
        unknown = Trace(first_receipt, _given_at(first_receipt), TraceState.UNKNOWN)
        first = _recorded(connection, first_receipt) or unknown
        return Trace(receipt, given_at, TraceState.DUPLICATE, first=first, conflict=conflict)
    if entry := find_quarantined(connection, receipt):
        return Trace(receipt, given_at, TraceState.QUARANTINED, quarantine=entry)
    if run(connection, "SELECT FROM withheld_events WHERE receipt = %s", (receipt,)).rowcount:
        return Trace(receipt, given_at, TraceState.ERASED)
    return None


def _recorded(connection: Connection, receipt: UUID) -> Trace | None:
    event = find_record(connection, receipt)
    if event is None:
        return None
    placement = find_event_context(connection, receipt)
    return Trace(receipt, _given_at(receipt), TraceState.RECORDED, event=event, placement=placement)


def _given_at(receipt: UUID) -> datetime | None:
    return time_from_ms(receipt_time_ms(receipt)) if receipt.version == 7 else None
