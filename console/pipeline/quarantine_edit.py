"""Edits an event in quarantine as JSON, with the field names of its wire form.

The identity of an event cannot be changed: its receipt ID, its app, and its time of receipt.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from console.actor import Actor, require_admin
from console.audit import Action, Change, record_change
from console.pipeline.quarantine import QuarantinedBatch, not_in_quarantine
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.events import WIRE_VERSION, Event, decode_events, encode_event, join_events

EDIT_BYTES_MAX = 100_000  # a browser's form handles this well
_FIXED = ("receipt", "app_id", "received_at_ms")

_LOCK = """
    SELECT events, app_id, wire_version, replayed_at FROM quarantine WHERE receipt = %s FOR UPDATE
"""


def editable_text(batch: QuarantinedBatch) -> str | None:
    """Returns the batch as JSON, or None if it is too large or unreadable by this version."""
    if batch.events is None:
        return None
    events = [structs.asdict(event) for event in decode_events(batch.raw)]
    text = msgspec.json.format(msgspec.json.encode(events), indent=2).decode()
    return text if len(text.encode()) <= EDIT_BYTES_MAX else None


def edit_quarantined(
    connection: Connection, actor: Actor, receipt: UUID, text: str
) -> tuple[str, ...]:
    """Replaces the events of an entry by those of the text and returns the changed fields' names.

    The audit log does not record the values, as they are personal data. Raises OperatorError when
    the text is not a valid event, changes an event's identity, or the entry is not pending, and
    NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(connection):
        row = run(connection, _LOCK, (receipt,)).fetchone()
        if row is None:
            raise not_in_quarantine(receipt)
        raw, app_id, wire_version, replayed_at = row
        if replayed_at is not None or wire_version != WIRE_VERSION:
            raise OperatorError(
                "This entry cannot be edited: it was already replayed, or is unreadable."
            )
        before, after = decode_events(bytes(raw)), _parse(text)
        changed = _changed_fields(before, after)
        run(
            connection,
            "UPDATE quarantine SET events = %s WHERE receipt = %s",
            (join_events([encode_event(event) for event in after]), receipt),
        )
        change = Change(Action.QUARANTINE_EDIT, str(receipt), None, {"fields": list(changed)})
        record_change(connection, actor, app_id, change)
    return changed


def _parse(text: str) -> list[Event]:
    """Parses the events; encoding and decoding their wire form checks the types of the fields."""
    if len(text.encode()) > EDIT_BYTES_MAX:
        raise OperatorError(f"The text is larger than {EDIT_BYTES_MAX:,} bytes.")
    try:
        documents = msgspec.json.decode(text, type=list[dict[str, Any]])
        events = [encode_event(Event(**document)) for document in documents]
        return decode_events(join_events(events))
    except (msgspec.MsgspecError, TypeError, OverflowError, RecursionError) as error:
        raise OperatorError(f"This is not a valid event: {error}.") from None


def _changed_fields(before: Sequence[Event], after: Sequence[Event]) -> tuple[str, ...]:
    if len(before) != len(after):
        raise OperatorError(f"The number of events must stay {len(before)}.")
    changed = {
        name
        for old, new in zip(before, after, strict=True)
        for name in Event.__struct_fields__
        if getattr(old, name) != getattr(new, name)
    }
    for name in _FIXED:
        if name in changed:
            raise OperatorError(f"The field {name} identifies the event and cannot be changed.")
    return tuple(sorted(changed))
