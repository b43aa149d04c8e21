"""Events that came before their event type was made are its events all the same.

They were recorded as unmapped. Claiming them goes in steps, each a transaction that also notes the
hours whose figures change, and settles which of a user's unique events counts. A step twice changes
nothing: what is claimed is not unmapped any more.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.database import Connection, run, transaction
from workers.core.uniques import Occurrence
from workers.facts.unique_events import settle_occurrences
from workers.rollups.stale_periods import StalePeriod, hour_of, mark_stale
from workers.sql.json_rows import as_ms

CLAIM_EVENTS_MAX = 2_000  # of one step

# A batch that was being recorded when the event type was made did not see it, and may be committed
# after a step that found nothing. None takes so long.
RECORD_SECONDS_MAX = 300

_UNCLAIMED = """
SELECT id, app_id, mapping_id, is_unique FROM event_types WHERE NOT claimed ORDER BY id
"""
_FIND = """
SELECT receipt FROM events WHERE app_id = %s AND event_id = %s AND unmapped
LIMIT %s
FOR UPDATE
"""
# The range lets PostgreSQL leave out the days that cannot hold one.
_CLAIM = f"""
UPDATE events SET event_type_id = %s, unmapped = false
WHERE receipt BETWEEN %s AND %s AND receipt = ANY(%s)
RETURNING environment, user_id, {as_ms("event_time")}, receipt
"""
_CLAIMED = """
UPDATE event_types SET claimed = true
WHERE id = %s AND created_at < now() - %s * interval '1 second'
"""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """How many events were claimed; `more` when time was up before the last of them."""

    events: int
    more: bool


@dataclass(frozen=True, slots=True)
class _NewEventType:
    """An event type that may have events from before it was made."""

    id: int
    app_id: int
    mapping_id: str
    unique: bool


def backfill_event_types(
    connection: Connection, seconds_max: float, events_max: int = CLAIM_EVENTS_MAX
) -> Backfilled:
    """Claim for every event type until time is up, at least one step. Raises DatabaseError."""
    ends_at = time.monotonic() + seconds_max
    events = 0
    for row in run(connection, _UNCLAIMED).fetchall():
        claimant = _NewEventType(*row)
        while step := _claim_some(connection, claimant, events_max):
            events += step
            if time.monotonic() >= ends_at:
                return Backfilled(events, more=True)
        run(connection, _CLAIMED, (claimant.id, RECORD_SECONDS_MAX))
    return Backfilled(events, more=False)


def _claim_some(connection: Connection, claimant: _NewEventType, events_max: int) -> int:
    with transaction(connection):
        found = run(connection, _FIND, (claimant.app_id, claimant.mapping_id, events_max))
        receipts = sorted(receipt for (receipt,) in found)
        if not receipts:
            return 0
        arguments = (claimant.id, receipts[0], receipts[-1], receipts)
        rows = run(connection, _CLAIM, arguments).fetchall()
        mark_stale(connection, _changed(connection, claimant, rows))
    return len(receipts)


def _changed(
    connection: Connection, claimant: _NewEventType, rows: Sequence[tuple[Any, ...]]
) -> list[StalePeriod]:
    """The hours of these events, and of those that do not count beside them any more."""
    periods = []
    occurrences = []
    for environment, user_id, time_ms, receipt in rows:
        periods.append(hour_of(claimant.app_id, environment, time_ms))
        key = (claimant.app_id, environment, claimant.id, user_id)
        occurrences.append((key, Occurrence(time_ms, receipt)))
    beaten = settle_occurrences(connection, occurrences) if claimant.unique else []
    return [*periods, *beaten]
