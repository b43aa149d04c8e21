"""The quarantine (dead-letter queue): events that could not be stored, and their replay."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from console.actor import Actor, require_admin
from console.apps.apps import app_names
from console.audit import Action, Change, record_change
from console.cursor import Cursor
from console.event_records import EventRecord, record_from_event
from console.resources import Resources
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.events import WIRE_VERSION, decode_events
from shared.inbox import append
from shared.redis import RedisError
from shared.rq_queue import enqueue


@dataclass(frozen=True)
class QuarantineEntry:
    """A batch in quarantine.

    `app` is None for an unreadable batch; `replayed_at` is None while it is pending.
    """

    receipt: UUID
    app: str | None
    reason: str
    detail: str
    event_count: int
    wire_version: int
    quarantined_at: datetime
    replayed_at: datetime | None


@dataclass(frozen=True)
class QuarantinedBatch:
    """A batch with its `events`, or None when this version can only show it `raw`."""

    entry: QuarantineEntry
    events: list[EventRecord] | None
    raw: bytes


_ENTRY = """
    SELECT
        receipt, apps.name, reason, detail, event_count, wire_version, quarantined_at, replayed_at
    FROM quarantine
    LEFT JOIN apps ON apps.id = quarantine.app_id
"""
_LIST = f"""
    {_ENTRY}
    WHERE %(time)s::timestamptz IS NULL
       OR (quarantined_at, receipt) < (%(time)s::timestamptz, %(receipt)s::uuid)
    ORDER BY quarantined_at DESC, receipt DESC LIMIT %(count)s
"""
_LOCK = """
    SELECT app_id, events, event_count, wire_version FROM quarantine WHERE receipt = %s FOR UPDATE
"""
_MARK = "UPDATE quarantine SET replayed_at = now() WHERE receipt = %s"


def find_quarantined(connection: Connection, receipt: UUID) -> QuarantineEntry | None:
    row = run(connection, f"{_ENTRY} WHERE receipt = %s", (receipt,)).fetchone()
    return None if row is None else QuarantineEntry(*row)


def list_quarantine(
    connection: Connection, count: int, before: Cursor | None = None
) -> list[QuarantineEntry]:
    """Returns the last `count` entries, newest first, replayed ones too; those behind `before`."""
    arguments = {
        "time": before and before.time,
        "receipt": before and before.id,
        "count": count,
    }
    return [QuarantineEntry(*row) for row in run(connection, _LIST, arguments)]


def older_entries(entries: Sequence[QuarantineEntry], count: int) -> Cursor | None:
    """Returns where a list of `count` entries goes on, None at its end."""
    full = len(entries) == count
    return Cursor(entries[-1].quarantined_at, entries[-1].receipt) if full else None


def count_quarantined(connection: Connection) -> int:
    """Returns the number of batches that are pending."""
    row = run(connection, "SELECT count(*) FROM quarantine WHERE replayed_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


def read_quarantined_batch(connection: Connection, receipt: UUID) -> QuarantinedBatch:
    """Returns an entry with its events.

    Raises OperatorError when there is none with this receipt ID.
    """
    entry = find_quarantined(connection, receipt)
    if entry is None:
        raise not_in_quarantine(receipt)
    row = run(connection, "SELECT events FROM quarantine WHERE receipt = %s", (receipt,)).fetchone()
    raw = b"" if row is None else bytes(row[0])
    records = None
    if entry.wire_version == WIRE_VERSION:
        names = app_names(connection)
        with suppress(msgspec.MsgspecError):  # then it is shown as it is
            records = [record_from_event(event, names) for event in decode_events(raw)]
    return QuarantinedBatch(entry, records, raw)


def pending_receipts(connection: Connection) -> list[UUID]:
    """Returns the receipt IDs of all pending entries, oldest first."""
    rows = run(
        connection,
        "SELECT receipt FROM quarantine WHERE replayed_at IS NULL ORDER BY quarantined_at, receipt",
    )
    return [receipt for (receipt,) in rows]


def replay(resources: Resources, actor: Actor, receipts: Sequence[UUID]) -> None:
    """Puts these entries back into the inbox, with the same receipt IDs, and wakes a worker.

    A repeated replay does no harm, as receipt IDs are keys. Raises OperatorError when one is
    unknown, before any is replayed, or when Redis fails meanwhile, with the number replayed until
    then, and NotAllowed for a viewer.
    """
    require_admin(actor)
    for receipt in receipts:
        if find_quarantined(resources.connection, receipt) is None:
            raise not_in_quarantine(receipt)
    replayed = 0
    try:
        for receipt in receipts:
            with transaction(resources.connection) as connection:
                # The row stays locked until it is marked as replayed: otherwise a worker that
                # quarantines the batch again would mark it as pending before this marks it.
                row = run(connection, _LOCK, (receipt,)).fetchone()
                if row is None:
                    raise not_in_quarantine(receipt)
                app_id, events, count, wire_version = row
                # The inbox is written before the mark: a crash in between replays it again.
                apps = "" if app_id is None else str(app_id)
                append(resources.redis, bytes(events), count, wire_version, apps)
                run(connection, _MARK, (receipt,))
                change = Change(Action.QUARANTINE_REPLAY, str(receipt), None, {"events": count})
                record_change(connection, actor, app_id, change)
            replayed += 1
        enqueue(resources.redis, "drain")
    except RedisError as error:
        raise OperatorError(
            f"Redis failed after {replayed} of {len(receipts)} were replayed. "
            "Repeat the command once Redis is available."
        ) from error


def not_in_quarantine(receipt: UUID) -> OperatorError:
    """Returns the error for a receipt ID that is not in quarantine."""
    return OperatorError(f"{receipt} is not in quarantine.", "See `waybill quarantine list`.")
