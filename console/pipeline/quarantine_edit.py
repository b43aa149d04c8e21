"""Mending an event in quarantine: its wire form as JSON, by the names of its fields.

What an event is known by stays: its receipt, its app, and when it was received.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from console.actor import Actor, require_admin
from console.audit import Action, Change, record_change
from console.pipeline.quarantine import QuarantinedBatch, unknown_receipt
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.events import WIRE_VERSION, Event, decode_events, encode_event, join_events

EDIT_BYTES_MAX = 100_000  # what a browser's form can carry well
_FIXED = ("receipt", "app_id", "received_at_ms")

_LOCK = """
    SELECT events, app_id, wire_version, replayed_at FROM quarantine WHERE receipt = %s FOR UPDATE
"""


def editable_text(batch: QuarantinedBatch) -> str | None:
    """JSON to be edited. None when this version cannot read the batch, or it is too large."""
    if batch.events is None:
        return None
    text = _text(decode_events(batch.raw))
    return text if len(text.encode()) <= EDIT_BYTES_MAX else None


def edit_quarantined(
    connection: Connection, actor: Actor, receipt: UUID, text: str
) -> tuple[str, ...]:
    """Replace the events of this entry by those of the text; the names of the fields that differ.

    Raises OperatorError when the text is no such event, or one that is known by something else, or
    the entry is not out; NotAllowed. Which values they had is not written down: they are personal.
    """
    require_admin(actor)
    with transaction(connection):
        row = run(connection, _LOCK, (receipt,)).fetchone()
        if row is None:
            raise unknown_receipt(receipt)
        raw, app_id, wire_version, replayed_at = row
        if replayed_at is not None or wire_version != WIRE_VERSION:
            raise OperatorError("This entry was put back already, or cannot be read: leave it.")
        before, after = decode_events(bytes(raw)), _read(text)
        changed = _changed(before, after)
        run(
            connection,
            "UPDATE quarantine SET events = %s WHERE receipt = %s",
            (join_events([encode_event(event) for event in after]), receipt),
        )
        told = Change(Action.QUARANTINE_EDIT, str(receipt), None, {"fields": list(changed)})
        record_change(connection, actor, app_id, told)
    return changed


def _text(events: Sequence[Event]) -> str:
    encoded = msgspec.json.encode([structs.asdict(event) for event in events])
    return msgspec.json.format(encoded, indent=2).decode()


def _read(text: str) -> list[Event]:
    """Its types are checked by the way back from the wire form."""
    if len(text.encode()) > EDIT_BYTES_MAX:
        raise OperatorError(f"The text is larger than {EDIT_BYTES_MAX:,} bytes.")
    try:
        documents = msgspec.json.decode(text, type=list[dict[str, Any]])
        events = [encode_event(Event(**document)) for document in documents]
        return decode_events(join_events(events))
    except (msgspec.MsgspecError, TypeError, OverflowError) as fault:
        raise OperatorError(f"This is not what an event is made of: {fault}.") from None


def _changed(before: Sequence[Event], after: Sequence[Event]) -> tuple[str, ...]:
    if len(before) != len(after):
        raise OperatorError(f"There must be as many events as before, which is {len(before)}.")
    changed = {
        name
        for old, new in zip(before, after, strict=True)
        for name in Event.__struct_fields__
        if getattr(old, name) != getattr(new, name)
    }
    for name in _FIXED:
        if name in changed:
            raise OperatorError(
                f"The field {name} is what the event is known by: leave it as it is."
            )
    return tuple(sorted(changed))
