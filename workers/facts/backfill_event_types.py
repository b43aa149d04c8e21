"""Assigns event types to the events that arrived before their event type was created.

Those events were recorded as unmapped. They are backfilled in steps, each a transaction that also
marks the hours whose rollups change, and settles which of a user's unique events counts.
Repeating a step changes nothing: an event that was backfilled is no longer unmapped.
"""

import time
from dataclasses import dataclass

from shared.database import Connection, run, transaction
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


def backfill_event_types(
    connection: Connection, seconds_max: float, events_max: int = STEP_EVENTS_MAX
) -> Backfilled:
    """Backfills every event type until time is up, at least one step. Raises DatabaseError."""
    ends_at = time.monotonic() + seconds_max
    events = 0
    for row in run(connection, _PENDING).fetchall():
        event_type = _NewEventType(*row)
        while count := _backfill_step(connection, event_type, events_max):
            events += count
            if time.monotonic() >= ends_at:
                return Backfilled(events, more=True)
        run(connection, _FINISH, (event_type.id, RECORD_SECONDS_MAX))
    return Backfilled(events, more=False)


def _backfill_step(connection: Connection, event_type: _NewEventType, events_max: int) -> int:
    """Backfills some events in one transaction and returns their number."""
    app_id = event_type.app_id
    with transaction(connection):
        unmapped = run(connection, _FIND, (app_id, event_type.mapping_id, events_max))
        receipts = sorted(receipt for (receipt,) in unmapped)
        if not receipts:
            return 0
        arguments = (event_type.id, receipts[0], receipts[-1], receipts)
        stale, occurrences = [], []
        for environment, user_id, time_ms, receipt in run(connection, _BACKFILL, arguments):
            stale.append(hour_of(app_id, environment, time_ms))
            key = (app_id, environment, event_type.id, user_id)
            occurrences.append((key, Occurrence(time_ms, receipt)))
        if event_type.unique:
            stale += settle_occurrences(connection, occurrences)
        mark_stale(connection, stale)
    return len(receipts)
