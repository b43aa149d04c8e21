"""Puts events that cannot be stored into quarantine, with the reason, so that nothing waits."""

from collections.abc import Sequence
from uuid import UUID

from shared.database import Connection, run
from shared.events import WIRE_VERSION, Event, encode_event, join_events
from shared.ids import receipt_floor
from shared.inbox import Entry
from shared.vocabulary import QuarantineReason

# An event that fails again after a replay is in quarantine again.
_INSERT = """
INSERT INTO quarantine (receipt, app_id, reason, detail, events, event_count, wire_version)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (receipt) DO UPDATE SET
    reason = excluded.reason, detail = excluded.detail,
    quarantined_at = now(), replayed_at = NULL
"""


def quarantine_event(
    connection: Connection, event: Event, reason: QuarantineReason, detail: str
) -> None:
    """Quarantines an event; `detail` is a SQLSTATE or a count, never text of the event."""
    batch = join_events([encode_event(event)])
    run(connection, _INSERT, (event.receipt, event.app_id, reason, detail, batch, 1, WIRE_VERSION))


def quarantine_entry(connection: Connection, entry: Entry, detail: str) -> None:
    """Quarantines a whole batch that cannot be decoded, under an id derived from its inbox id."""
    run(connection,
        _INSERT,
        (
            entry_receipt(entry.id), None, QuarantineReason.UNREADABLE, detail,
            entry.payload, entry.count, entry.wire_version,
        ),
    )  # fmt: skip


def entry_receipt(entry_id: str) -> UUID:
    """Derives the receipt of a quarantined entry from its time and sequence in the inbox."""
    time_ms, _, sequence = entry_id.partition("-")
    return UUID(int=receipt_floor(int(time_ms)).int | int(sequence))


def find_quarantined(connection: Connection, receipts: Sequence[UUID]) -> set[UUID]:
    """Finds those of these receipts that are in quarantine and have not been replayed."""
    rows = run(
        connection,
        "SELECT receipt FROM quarantine WHERE receipt = ANY(%s) AND replayed_at IS NULL",
        (list(receipts),),
    )
    return {receipt for (receipt,) in rows}
