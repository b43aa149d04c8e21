"""The quarantine: events that could not be stored, and their way back into the inbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from console.actor import Actor, require_admin
from console.apps.apps import app_names
from console.audit import Action, Change, record_change
from console.event_records import EventRecord, unstored_record
from console.resources import Resources
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.events import WIRE_VERSION, decode_events
from shared.inbox import append
from shared.redis import RedisError
from shared.rq_queue import enqueue


@dataclass(frozen=True)
class Quarantined:
    """One batch. `app` is None where it cannot be read, `replayed_at` is None while it is out."""

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
    """With what it holds: `events`, or None and `raw` when this version cannot read it."""

    entry: Quarantined
    events: list[EventRecord] | None
    raw: bytes


_ENTRY = """
    SELECT
        receipt, apps.name, reason, detail, event_count, wire_version, quarantined_at, replayed_at
    FROM quarantine
    LEFT JOIN apps ON apps.id = quarantine.app_id
"""


def find_quarantined(connection: Connection, receipt: UUID) -> Quarantined | None:
    row = run(connection, f"{_ENTRY} WHERE receipt = %s", (receipt,)).fetchone()
    return None if row is None else Quarantined(*row)


def list_quarantine(connection: Connection, count: int) -> list[Quarantined]:
    """Newest first; replayed ones too."""
    rows = run(connection, f"{_ENTRY} ORDER BY quarantined_at DESC, receipt LIMIT %s", (count,))
    return [Quarantined(*row) for row in rows]


def count_quarantined(connection: Connection) -> int:
    """Batches that are out."""
    row = run(connection, "SELECT count(*) FROM quarantine WHERE replayed_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


def show_quarantined(connection: Connection, receipt: UUID) -> QuarantinedBatch:
    """Raises OperatorError when there is none with this receipt."""
    entry = find_quarantined(connection, receipt)
    if entry is None:
        raise unknown_receipt(receipt)
    row = run(connection, "SELECT events FROM quarantine WHERE receipt = %s", (receipt,)).fetchone()
    raw = b"" if row is None else bytes(row[0])
    return QuarantinedBatch(entry, _records(connection, entry.wire_version, raw), raw)


def unreplayed_receipts(connection: Connection) -> list[UUID]:
    """Everything that is out, oldest first."""
    rows = run(
        connection,
        "SELECT receipt FROM quarantine WHERE replayed_at IS NULL ORDER BY quarantined_at, receipt",
    )
    return [receipt for (receipt,) in rows]


def replay(resources: Resources, actor: Actor, receipts: Sequence[UUID]) -> None:
    """Put these back into the inbox, under the receipts that they have, and wake a worker.

    Again does no harm: receipts are keys. Raises OperatorError when one is unknown, before any is
    touched, or when Redis fails on the way, with how many were put back until then; NotAllowed.
    """
    require_admin(actor)
    for receipt in receipts:
        if find_quarantined(resources.connection, receipt) is None:
            raise unknown_receipt(receipt)
    replayed = 0
    try:
        for receipt in receipts:
            _replay_one(resources, actor, receipt)
            replayed += 1
        enqueue(resources.redis, "drain")
    except RedisError as fault:
        raise OperatorError(
            f"Redis failed after {replayed} of {len(receipts)} were put back. "
            "Repeat the command once it answers."
        ) from fault


def _replay_one(resources: Resources, actor: Actor, receipt: UUID) -> None:
    with transaction(resources.connection) as connection:
        # The row stays locked until it is marked: else a worker that is quick to refuse the batch
        # again would mark it as out before we mark it as replayed.
        row = run(
            connection,
            """
            SELECT app_id, events, event_count, wire_version FROM quarantine
            WHERE receipt = %s
            FOR UPDATE
            """,
            (receipt,),
        ).fetchone()
        if row is None:
            raise unknown_receipt(receipt)
        app_id, events, count, wire_version = row
        # First the inbox, then the mark: a crash between the two replays again, and loses nothing.
        append(resources.redis, bytes(events), count, wire_version)
        run(connection, "UPDATE quarantine SET replayed_at = now() WHERE receipt = %s", (receipt,))
        told = Change(Action.QUARANTINE_REPLAY, str(receipt), None, {"events": count})
        record_change(connection, actor, app_id, told)


def _records(connection: Connection, wire_version: int, raw: bytes) -> list[EventRecord] | None:
    if wire_version != WIRE_VERSION:
        return None
    try:
        events = decode_events(raw)
    except msgspec.MsgspecError:
        return None
    names = app_names(connection)
    return [unstored_record(event, names) for event in events]


def unknown_receipt(receipt: UUID) -> OperatorError:
    """What is raised when nothing with this receipt is in quarantine."""
    return OperatorError(f"{receipt} is not in quarantine.", "See `waybill quarantine list`.")
