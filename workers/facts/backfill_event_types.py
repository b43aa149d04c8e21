"""Assigns event types to the events that arrived before their event type was created.

Those events were recorded as unmapped. They are backfilled in steps, each a transaction that also
marks the hours whose rollups change, and settles which of a user's unique events counts.
Repeating a step changes nothing: an event that was backfilled is no longer unmapped.
"""

import time
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from shared.database import Connection, run, transaction
from shared.day_files.catalog import files_with_unmapped
from shared.day_files.changes import FILE_EVENTS_MAX, change_rows
from shared.day_files.folder import require_sound
from shared.day_files.parquet import count_unmapped
from workers.core.uniques import Occurrence
from workers.facts.unique_events import settle_occurrences
from workers.rollups.stale_periods import hour_of, mark_stale
from workers.sql.expressions import as_ms

STEP_EVENTS_MAX = 2_000

# A batch that was being recorded when the event type was created did not see it, and may be
# committed after a step that found nothing. No batch takes this long.
RECORD_SECONDS_MAX = 300

_PENDING = """
SELECT id, app_id, mapping_id, is_unique FROM event_types WHERE NOT claimed ORDER BY id
"""
_FIND = """
SELECT receipt FROM events WHERE app_id = %s AND event_id = %s AND unmapped
LIMIT %s
FOR UPDATE
"""
# The range lets PostgreSQL skip the days that cannot hold a match.
_BACKFILL = f"""
UPDATE events SET event_type_id = %s, unmapped = false
WHERE receipt BETWEEN %s AND %s AND receipt = ANY(%s)
RETURNING environment, user_id, {as_ms("event_time")}, receipt
"""
_FINISH = """
UPDATE event_types SET claimed = true
WHERE id = %s AND created_at < now() - %s * interval '1 second'
"""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """The number of events backfilled, and whether time was up before the last of them."""

    events: int
    more: bool


@dataclass(frozen=True, slots=True)
class _NewEventType:
    """An event type that may have events from before it was created."""

    id: int
    app_id: int
    mapping_id: str
    unique: bool


class _Row(NamedTuple):
    """An event that was backfilled."""

    environment: str
    user_id: str
    time_ms: int
    receipt: UUID


def backfill_event_types(
    connection: Connection, seconds_max: float, events_max: int = STEP_EVENTS_MAX
) -> Backfilled:
    """Backfills every event type until time is up, at least one step. Raises DatabaseError."""
    ends_at = time.monotonic() + seconds_max
    events = 0
    for row in run(connection, _PENDING).fetchall():
        event_type = _NewEventType(*row)
        while count := (
            _backfill_step(connection, event_type, events_max)
            or _backfill_file(connection, event_type)
        ):
            events += count
            if time.monotonic() >= ends_at:
                return Backfilled(events, more=True)
        run(connection, _FINISH, (event_type.id, RECORD_SECONDS_MAX))
    return Backfilled(events, more=False)


def _backfill_step(connection: Connection, event_type: _NewEventType, events_max: int) -> int:
    """Backfills some events in one transaction and returns their number."""
    with transaction(connection):
        rows = _backfill_rows(connection, event_type, events_max)
        _settle(connection, event_type, rows)
    return len(rows)


def _backfill_file(connection: Connection, event_type: _NewEventType) -> int:
    """Backfills the events of the next day file that has some, and returns their number.

    Raises DayFilesUnreadable.
    """
    rows: list[_Row] = []

    def backfill() -> int:
        rows.extend(_backfill_rows(connection, event_type, FILE_EVENTS_MAX))
        return len(rows)

    for file in files_with_unmapped(connection, event_type.app_id):
        if count_unmapped(require_sound(file), event_type.mapping_id):
            with transaction(connection):
                change_rows(connection, file, backfill)
                # Outside: which of them counts may concern events that are elsewhere.
                _settle(connection, event_type, rows)
            return len(rows)
    return 0


def _backfill_rows(
    connection: Connection, event_type: _NewEventType, events_max: int
) -> list[_Row]:
    arguments = (event_type.app_id, event_type.mapping_id, events_max)
    receipts = sorted(receipt for (receipt,) in run(connection, _FIND, arguments))
    if not receipts:
        return []
    backfilled = (event_type.id, receipts[0], receipts[-1], receipts)
    return [_Row(*row) for row in run(connection, _BACKFILL, backfilled)]


def _settle(connection: Connection, event_type: _NewEventType, rows: list[_Row]) -> None:
    """Settles which of these events count, and marks the hours that change."""
    app_id = event_type.app_id
    stale = [hour_of(app_id, row.environment, row.time_ms) for row in rows]
    if event_type.unique:
        occurrences = [
            ((app_id, row.environment, event_type.id, row.user_id),
             Occurrence(row.time_ms, row.receipt))
            for row in rows
        ]  # fmt: skip
        stale += settle_occurrences(connection, occurrences)
    mark_stale(connection, stale)
