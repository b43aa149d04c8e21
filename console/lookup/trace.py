"""Where an event is, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from console.apps.apps import app_names
from console.event_records import EventRecord, find_record, moment, unstored_record
from console.lookup.event_context import EventContext, find_event_context
from console.pipeline.quarantine import Quarantined, find_quarantined
from shared.database import Connection, run
from shared.errors import OperatorError
from shared.ids import receipt_time_ms
from shared.inbox import find_event
from shared.redis import Redis


class State(StrEnum):
    """What can have become of a receipt."""

    QUEUED = "queued"  # in the inbox: on disk, no row yet
    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Trace:
    """`event` of a queued or recorded receipt; of a duplicate, `first` is what it repeated.

    `given_at` is what the receipt says by itself, None when Waybill cannot have given it.
    """

    receipt: UUID
    given_at: datetime | None
    state: State
    event: EventRecord | None = None
    first: "Trace | None" = None
    conflict: bool | None = None  # of a duplicate: the same key came with another body
    quarantine: Quarantined | None = None
    placement: EventContext | None = None  # of a recorded receipt


def parse_receipt(text: str) -> UUID:
    """Raises OperatorError when the text is no receipt."""
    try:
        return UUID(text.strip())
    except ValueError:
        raise OperatorError(
            "This is not a receipt. A receipt is the id in the answer to an accepted event, such "
            "as 019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81."
        ) from None


def trace(connection: Connection, redis: Redis, receipt: UUID) -> Trace:
    """An event moves from inbox to tables: looking there, here and there again cannot miss it."""
    return (
        _stored(connection, receipt)
        or _queued(connection, redis, receipt)
        or _stored(connection, receipt)
        or Trace(receipt, _given_at(receipt), State.UNKNOWN)
    )


def _stored(connection: Connection, receipt: UUID) -> Trace | None:
    return (
        _recorded(connection, receipt)
        or _duplicate(connection, receipt)
        or _quarantined(connection, receipt)
    )


def _recorded(connection: Connection, receipt: UUID) -> Trace | None:
    event = find_record(connection, receipt)
    if event is None:
        return None
    placement = find_event_context(connection, receipt)
    return Trace(receipt, _given_at(receipt), State.RECORDED, event=event, placement=placement)


def _duplicate(connection: Connection, receipt: UUID) -> Trace | None:
    row = run(
        connection, "SELECT first_receipt, conflict FROM duplicates WHERE receipt = %s", (receipt,)
    ).fetchone()
    if row is None:
        return None
    first_receipt, conflict = row
    first = _recorded(connection, first_receipt) or Trace(
        first_receipt, _given_at(first_receipt), State.UNKNOWN
    )
    return Trace(receipt, _given_at(receipt), State.DUPLICATE, first=first, conflict=conflict)


def _quarantined(connection: Connection, receipt: UUID) -> Trace | None:
    entry = find_quarantined(connection, receipt)
    if entry is None:
        return None
    return Trace(receipt, _given_at(receipt), State.QUARANTINED, quarantine=entry)


def _queued(connection: Connection, redis: Redis, receipt: UUID) -> Trace | None:
    event = find_event(redis, receipt)
    if event is None:
        return None
    record = unstored_record(event, app_names(connection))
    return Trace(receipt, _given_at(receipt), State.QUEUED, event=record)


def _given_at(receipt: UUID) -> datetime | None:
    return moment(receipt_time_ms(receipt)) if receipt.version == 7 else None
