"""Truncates the addresses that an app stored before it asked for that, in bounded steps.

The newest go first, because they still decide. Everybody of the last days whom a truncated click or
signal concerns is decided anew, as if it had just arrived: so the result is the same, whichever of
a click and its install came before the app changed its mind.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from shared.database import Connection, run, transaction
from shared.day_files.catalog import next_to_truncate, note_truncated
from shared.day_files.changes import change_rows
from shared.day_files.faults import DayFilesUnreadable, note_fault
from shared.device_ids import identifying_of
from shared.logs import note
from workers.core.device_matching import platform
from workers.decisions.affected_users import AffectingClick, find_affected, followed_days
from workers.decisions.due_decisions import postpone
from workers.privacy.tombstone_filter import wait_for_batches
from workers.sql.arrays import id_array
from workers.sql.expressions import as_ms, day_of, truncated

_log = logging.getLogger(__name__)

ROWS_AT_ONCE = 1_000
USERS_AT_ONCE = 200
# No window for matches by address is longer than a day, and no clock differs by another.
DECIDED_AGAIN = timedelta(days=2)

_PENDING = """
SELECT app_id, clicks_before, users_before, events_before FROM address_truncations ORDER BY app_id
"""
_DONE = """
DELETE FROM address_truncations
WHERE app_id = %(app)s AND num_nonnulls(clicks_before, users_before, events_before) = 0
  AND NOT EXISTS (
    SELECT FROM day_files WHERE app_id = %(app)s AND addresses > 0 AND NOT truncated
  )
"""
_NEXT = {
    "clicks_before": """
SELECT receipt FROM clicks
WHERE app_id = %(app)s AND receipt < %(before)s ORDER BY receipt DESC LIMIT %(count)s
""",
    "users_before": """
SELECT id FROM users
WHERE app_id = %(app)s AND id < %(before)s ORDER BY id DESC LIMIT %(count)s
""",
    "events_before": """
SELECT receipt FROM events
WHERE app_id = %(app)s AND receipt < %(before)s ORDER BY receipt DESC LIMIT %(count)s
""",
}
_NOTE = {
    "clicks_before": "UPDATE address_truncations SET clicks_before = %s WHERE app_id = %s",
    "users_before": "UPDATE address_truncations SET users_before = %s WHERE app_id = %s",
    "events_before": "UPDATE address_truncations SET events_before = %s WHERE app_id = %s",
}
_TRUNCATE_CLICKS = f"""
UPDATE clicks
SET ip_address = {truncated("ip_address")}, address = host({truncated("address::inet")})
WHERE receipt = ANY(%(receipts)s)
  AND (ip_address <> {truncated("ip_address")} OR address <> host({truncated("address::inet")}))
RETURNING environment, click_id, kind, {as_ms("event_time")}, device_ids, address, device_os,
          event_time >= now() - %(again)s::interval
"""
_TRUNCATE_EVENTS = f"""
UPDATE events SET ip_address = {truncated("ip_address")}
WHERE receipt = ANY(%(receipts)s) AND ip_address <> {truncated("ip_address")}
"""
_TRUNCATE_ALL_EVENTS = f"""
UPDATE events SET ip_address = {truncated("ip_address")}
WHERE ip_address <> {truncated("ip_address")}
"""
_TRUNCATE_SIGNALS = f"""
WITH next AS MATERIALIZED (
    SELECT user_ref, event_time, receipt, address FROM signals
    WHERE user_ref = ANY(%(users)s) AND address <> host({truncated("address::inet")})
    LIMIT %(count)s
), gone AS (
    DELETE FROM sightings USING next
    WHERE {day_of("sightings.event_time")} = {day_of("next.event_time")}
      AND sightings.address = next.address AND sightings.app_id = %(app)s
      AND sightings.event_time = next.event_time AND sightings.user_ref = next.user_ref
    RETURNING sightings.*
), seen AS (
    INSERT INTO sightings (app_id, environment, address, event_time, user_ref)
    SELECT DISTINCT app_id, environment, host({truncated("address::inet")}), event_time, user_ref
    FROM gone
    ON CONFLICT DO NOTHING
), changed AS (
    UPDATE signals SET address = host({truncated("signals.address::inet")}) FROM next
    WHERE signals.user_ref = next.user_ref AND signals.event_time = next.event_time
      AND signals.receipt = next.receipt
    RETURNING signals.user_ref, signals.event_time, signals.address
)
SELECT environment, user_id, address, {as_ms("event_time")},
       event_time >= now() - %(again)s::interval
FROM changed JOIN users ON users.id = user_ref
"""


class Pending(NamedTuple):
    """An app whose addresses are truncated, and before which rows they still are to be."""

    app_id: int
    clicks_before: UUID | None
    users_before: int | None
    events_before: UUID | None


def truncate_stored_addresses(connection: Connection, seconds_max: float) -> int:
    """Truncates addresses until time is up, a step at least; counts rows. Raises DatabaseError."""
    pending = [Pending(*row) for row in run(connection, _PENDING)]
    if pending:
        wait_for_batches(connection)  # of which some may have begun before the app asked
    ends_at, changed = time.monotonic() + seconds_max, 0
    while pending:
        is_moving = False
        # A step of each kind in turn: the newest clicks and signals are needed together.
        for app in pending:
            for name, step in STEPS.items():
                if getattr(app, name) is not None:
                    with transaction(connection):
                        changed += step(connection, app)
            in_file = truncate_file(connection, app)
            changed += in_file or 0
            is_moving |= in_file is not None
            run(connection, _DONE, {"app": app.app_id})
        before, pending = pending, [Pending(*row) for row in run(connection, _PENDING)]
        if time.monotonic() >= ends_at or (before == pending and not is_moving):
            break  # nothing is left, but for files that cannot be read
    return changed


def truncate_clicks(connection: Connection, app: Pending) -> int:
    """Truncates the addresses of the next clicks, and has those decided whom they concern."""
    receipts = _next(connection, app, "clicks_before", ROWS_AT_ONCE)
    _note(connection, app, "clicks_before", receipts)
    arguments = {"receipts": receipts, "again": DECIDED_AGAIN}
    rows = run(connection, _TRUNCATE_CLICKS, arguments).fetchall()
    recent = [
        AffectingClick(
            app_id=app.app_id,
            environment=environment,
            click_id=click_id,
            kind=kind,
            from_ms=at_ms,
            identifying=id_array(identifying_of(device_ids)),
            address=address or "",
            platform=platform(device_os),
            days=followed_days(at_ms),
        )
        for environment, click_id, kind, at_ms, device_ids, address, device_os, is_recent in rows
        if is_recent
    ]
    postpone(connection, find_affected(connection, [], recent).all)
    return len(rows)


def truncate_signals(connection: Connection, app: Pending) -> int:
    """Truncates the addresses of the next users, and has those decided whom they concern."""
    users = _next(connection, app, "users_before", USERS_AT_ONCE)
    arguments = {
        "app": app.app_id,
        "users": users,
        "count": ROWS_AT_ONCE,
        "again": DECIDED_AGAIN,
    }
    rows = run(connection, _TRUNCATE_SIGNALS, arguments).fetchall()
    if len(rows) < ROWS_AT_ONCE:  # else these users have more
        _note(connection, app, "users_before", users)
    recent: list[dict[str, object]] = [
        {
            "app_id": app.app_id,
            "environment": environment,
            "user_id": user_id,
            "address": address,
            "from_ms": at_ms,
        }
        for environment, user_id, address, at_ms, is_recent in rows
        if is_recent
    ]
    postpone(connection, find_affected(connection, recent, []).all)
    return len(rows)


def truncate_events(connection: Connection, app: Pending) -> int:
    """Truncates the addresses of the next events, from which nothing is decided."""
    receipts = _next(connection, app, "events_before", ROWS_AT_ONCE)
    _note(connection, app, "events_before", receipts)
    return run(connection, _TRUNCATE_EVENTS, {"receipts": receipts}).rowcount


def truncate_file(connection: Connection, app: Pending) -> int | None:
    """Truncates the addresses of the next day file, once none comes from the table any more.

    One that cannot be read is left out until somebody brings it back. Returns None if there is none
    to truncate now.
    """
    file = next_to_truncate(connection, app.app_id) if app.events_before is None else None
    if file is None:
        return None
    try:
        with transaction(connection):
            count = change_rows(
                connection, file, lambda: run(connection, _TRUNCATE_ALL_EVENTS).rowcount
            )
            note_truncated(connection, file)
    except DayFilesUnreadable as error:
        note(_log, logging.ERROR, f"addresses wait to be truncated: {error.code}", app=app.app_id)
        return 0 if note_fault(connection, error) else None
    return count


def _next(connection: Connection, app: Pending, name: str, count: int) -> list[Any]:
    arguments = {"app": app.app_id, "before": getattr(app, name), "count": count}
    return [key for (key,) in run(connection, _NEXT[name], arguments)]


def _note(connection: Connection, app: Pending, name: str, done: Sequence[Any]) -> None:
    """Notes that these rows are done; without any, all of the app's are."""
    run(connection, _NOTE[name], (done[-1] if done else None, app.app_id))


STEPS: dict[str, Callable[[Connection, Pending], int]] = {
    "clicks_before": truncate_clicks,
    "users_before": truncate_signals,
    "events_before": truncate_events,
}
