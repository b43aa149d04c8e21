"""Puts events that cannot be stored into quarantine, with the reason, so that nothing waits."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from shared.database import Connection, run
from shared.day_files.faults import DayFilesUnreadable
from shared.day_files.rows import receipts_in_files
from shared.events import CLICK_KINDS, WIRE_VERSION, Event, encode_event, join_events
from shared.ids import receipt_floor
from shared.inbox import Entry
from shared.vocabulary import QuarantineReason

# An event that fails again after a replay is in quarantine again.
_UNLESS_THERE = """
ON CONFLICT (receipt) DO UPDATE SET
    reason = excluded.reason, detail = excluded.detail,
    quarantined_at = now(), replayed_at = NULL
"""
_INSERT_ENTRY = f"""
INSERT INTO quarantine (receipt, app_id, reason, detail, events, event_count, wire_version)
VALUES (%s, NULL, %s, %s, %s, %s, %s) {_UNLESS_THERE}
"""
# What is stored stays out of quarantine, whatever failed after it was stored.
_INSERT_EVENT = f"""
INSERT INTO quarantine (receipt, app_id, reason, detail, events, event_count, wire_version)
SELECT %(receipt)s, %(app)s, %(reason)s, %(detail)s, %(batch)s, 1, %(wire_version)s
WHERE NOT EXISTS (SELECT FROM events WHERE receipt = %(receipt)s)
  AND NOT EXISTS (SELECT FROM duplicates WHERE receipt = %(receipt)s)
  AND NOT EXISTS (
      SELECT FROM clicks
      WHERE %(is_click)s AND click_id = %(click)s
        AND app_id = %(app)s AND environment = %(environment)s
  )
{_UNLESS_THERE} RETURNING receipt
"""


def quarantine_event(
    connection: Connection, event: Event, reason: QuarantineReason, detail: str
) -> bool:
    """Quarantines an event, unless it is stored, and tells whether it did.

    `detail` is a SQLSTATE or a count, never text of the event.
    """
    arguments = {
        "receipt": event.receipt,
        "app": event.app_id,
        "environment": event.environment,
        "reason": reason,
        "detail": detail,
        "batch": join_events([encode_event(event)]),
        "wire_version": WIRE_VERSION,
        "is_click": event.kind in CLICK_KINDS,
        "click": event.click_id,
    }
    with suppress(DayFilesUnreadable):  # a replay finds out whether it is stored
        if receipts_in_files(connection, [event.receipt]):
            return False
    return bool(list(run(connection, _INSERT_EVENT, arguments)))


def quarantine_entry(connection: Connection, entry: Entry, detail: str) -> None:
    """Quarantines a whole batch that cannot be decoded, under an id derived from its inbox id."""
    run(connection,
        _INSERT_ENTRY,
        (
            entry_receipt(entry.id, entry.shard), QuarantineReason.UNREADABLE, detail,
            entry.payload, entry.count, entry.wire_version,
        ),
    )  # fmt: skip


def entry_receipt(entry_id: str, shard: int = 0) -> UUID:
    """Derives the receipt of a quarantined entry from its shard, and its ID in the inbox of that.

    Two inboxes may have entries of one ID: of the 80 bits below the time, the lower 64 are the
    sequence's, those above them the shard's.
    """
    time_ms, _, sequence = entry_id.partition("-")
    return UUID(int=receipt_floor(int(time_ms)).int | shard << 64 | int(sequence))


def find_quarantined(connection: Connection, receipts: Sequence[UUID]) -> set[UUID]:
    """Finds those of these receipts that are in quarantine and have not been replayed."""
    rows = run(
        connection,
        "SELECT receipt FROM quarantine WHERE receipt = ANY(%s) AND replayed_at IS NULL",
        (list(receipts),),
    )
    return {receipt for (receipt,) in rows}
