"""Deletes what apps no longer want to keep, in bounded steps.

First the borders move, and everything that may have read older ones is waited for; then rows go. A
day's partition of events is dropped once it has expired for every app; until then an app's rows are
deleted by the thousand. Decisions and rollups about what has expired stay as they are.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from shared.clock import Clock
from shared.database import Connection, run, transaction
from shared.day_files.faults import DayFilesUnreadable
from shared.ids import receipt_floor
from shared.partitions import day_of, drop_days
from shared.redis import Redis
from shared.rejections import delete_rejections
from workers.imports.upload_claims import delete_expired_uploads
from workers.maintenance.address_truncation import truncate_stored_addresses
from workers.maintenance.emptied_addresses import (
    ROWS_AT_ONCE,
    delete_day_files,
    empty_addresses,
    empty_day_file,
)
from workers.privacy.tombstone_filter import wait_for_batches
from workers.rollups.rollup_locks import wait_for_rollups

DAY_MS = 86_400_000
# A decision reads from the start of its run of signals: no run is longer than this.
RUN_DAYS_MAX = 2
RESTART = timedelta(days=1)

_RULES = """
SELECT app_id, address_days, event_days, click_days, delivery_days, rejection_days,
       greatest(click_deterministic_ms, click_probabilistic_ms)
FROM retention JOIN apps ON apps.id = app_id ORDER BY app_id
"""
_EVENTS_EMPTIED = "UPDATE retention SET events_emptied = %s WHERE app_id = %s"
_CLICKS_EMPTIED = "UPDATE retention SET clicks_emptied = %s WHERE app_id = %s"
_CLICKS_EXPIRED = "UPDATE retention SET clicks_expired = %s WHERE app_id = %s"
_MOVE_BORDERS = """
UPDATE retention SET
    decided_before = greatest(decided_before, %(decided)s),
    counted_before = greatest(counted_before, %(counted)s),
    clicks_counted_before = greatest(clicks_counted_before, %(clicks)s)
WHERE app_id = %(app)s
  AND (decided_before, counted_before, clicks_counted_before) IS DISTINCT FROM (
    greatest(decided_before, %(decided)s), greatest(counted_before, %(counted)s),
    greatest(clicks_counted_before, %(clicks)s))
"""
# Events of imports have receipts of any time.
_RESTART = """
UPDATE retention SET
    events_emptied = %(beginning)s, clicks_emptied = %(beginning)s, clicks_expired = %(beginning)s,
    restarted_at = now()
WHERE restarted_at < now() - %(every)s
"""
_NEXT_EVENTS = """
SELECT receipt, environment, user_id, event_time, host(ip_address) FROM events
WHERE receipt > (SELECT events_emptied FROM retention WHERE app_id = %(app)s)
  AND receipt < %(before)s AND app_id = %(app)s
ORDER BY receipt LIMIT %(count)s
"""
_CLICKS_TO_EMPTY = """
SELECT receipt FROM clicks
WHERE receipt > (SELECT clicks_emptied FROM retention WHERE app_id = %(app)s)
  AND receipt < %(before)s AND app_id = %(app)s
ORDER BY receipt LIMIT %(count)s
"""
_CLICKS_TO_EXPIRE = """
SELECT receipt FROM clicks
WHERE receipt > (SELECT clicks_expired FROM retention WHERE app_id = %(app)s)
  AND receipt < %(before)s AND app_id = %(app)s
ORDER BY receipt LIMIT %(count)s
"""
_EMPTY_CLICKS = """
UPDATE clicks SET ip_address = NULL, address = NULL, user_agent = NULL
WHERE receipt = ANY(%(receipts)s)
  AND (ip_address IS NOT NULL OR address IS NOT NULL OR user_agent IS NOT NULL)
"""
# A click that is credited keeps its campaign in the reports.
_DELETE_CLICKS = """
WITH gone AS (
    DELETE FROM clicks
    WHERE receipt = ANY(%(receipts)s) AND NOT EXISTS (
        SELECT FROM attributions WHERE attributions.click_id = clicks.click_id
          AND superseded_at IS NULL
    )
    RETURNING click_id, app_id, environment, event_time, device_ids
), views AS (
    DELETE FROM view_device_ids USING gone
    CROSS JOIN LATERAL jsonb_each_text(gone.device_ids) AS sent (kind, value)
    WHERE (view_device_ids.event_time AT TIME ZONE 'UTC')::date
            = (gone.event_time AT TIME ZONE 'UTC')::date
          AND device_id = lower(btrim(sent.value)) AND view_device_ids.app_id = gone.app_id
          AND (view_device_ids.environment, view_device_ids.event_time, view_device_ids.click_id)
              = (gone.environment, gone.event_time, gone.click_id)
)
DELETE FROM click_device_ids USING gone
CROSS JOIN LATERAL jsonb_each_text(gone.device_ids) AS sent (kind, value)
WHERE ((click_device_ids.event_time AT TIME ZONE 'UTC')::date - DATE '1970-01-01') / 10
        = ((gone.event_time AT TIME ZONE 'UTC')::date - DATE '1970-01-01') / 10
      AND device_id = lower(btrim(sent.value)) AND click_device_ids.app_id = gone.app_id
      AND (click_device_ids.environment, click_device_ids.event_time, click_device_ids.click_id)
          = (gone.environment, gone.event_time, gone.click_id)
"""
_DELETE_EVENTS = """
DELETE FROM events WHERE receipt IN (
    SELECT receipt FROM events
    WHERE app_id = %(app)s AND environment IN ('production', 'sandbox')
      AND event_time < %(counted)s AND receipt < %(before)s
    LIMIT %(count)s
)
"""
_DELETE_CALLBACKS = """
DELETE FROM callbacks WHERE id IN (
    SELECT id FROM callbacks
    WHERE app_id = %(app)s AND created_at < %(before)s AND state <> 'waiting'
    LIMIT %(count)s
)
"""
# Null while one app keeps its events for good.
_EXPIRED_FOR_ALL = """
SELECT CASE WHEN bool_and(counted_before IS NOT NULL) THEN min(counted_before) END
FROM apps LEFT JOIN retention ON retention.app_id = apps.id
"""


class KeptDays(NamedTuple):
    """For how many days an app keeps what."""

    app_id: int
    address_days: int | None
    event_days: int | None
    click_days: int | None
    delivery_days: int | None
    rejection_days: int | None
    click_window_ms: int


Step = Callable[[Connection, KeptDays, datetime], int]


def expire(connection: Connection, redis: Redis, now: Clock, seconds_max: float) -> Counter[str]:
    """Deletes what has expired until time is up; counts rows by kind. Raises DatabaseError."""
    ends_at, now_ms = time.monotonic() + seconds_max, now()
    today = datetime.combine(day_of(now_ms), datetime.min.time(), UTC)
    counts: Counter[str] = Counter(uploads=delete_expired_uploads(connection))
    counts["truncated addresses"] = truncate_stored_addresses(connection, seconds_max / 2)
    rules = [KeptDays(*row) for row in run(connection, _RULES)]
    if not rules:
        return counts
    _move_borders(connection, rules, today)
    run(connection, _RESTART, {"beginning": UUID(int=0), "every": RESTART})
    [(border,)] = run(connection, _EXPIRED_FOR_ALL).fetchall()
    if border is not None:
        # An event may be received a day before its event time, and then counts in the next day.
        counts["partitions"] += drop_days(connection, (border - timedelta(days=2)).date())
    for name, (days, step) in STEPS.items():
        for kept in rules:
            before = _border(today, days(kept))
            if before is None:
                continue
            try:
                while time.monotonic() < ends_at and (rows := step(connection, kept, before)):
                    counts[name] += rows
            except DayFilesUnreadable:  # alerts say which
                counts["unreadable day files"] += 1
    borders = {
        kept.app_id: now_ms - kept.rejection_days * DAY_MS
        for kept in rules
        if kept.rejection_days is not None
    }
    counts["rejections"] += delete_rejections(redis, borders)
    return counts


def summary_of(counts: Mapping[str, int]) -> str:
    """Returns the result of the job."""
    done = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return f"Deleted or emptied {done or 'nothing'}"


def _border(today: datetime, days: int | None) -> datetime | None:
    return None if days is None else today - timedelta(days=days)


def _move_borders(connection: Connection, rules: Sequence[KeptDays], today: datetime) -> None:
    """Moves the borders of what is still decided and rolled up, and waits for whoever is at it."""
    moved = 0
    for kept in rules:
        emptied, gone = _border(today, kept.address_days), _border(today, kept.click_days)
        decided = [
            border
            for border in (
                emptied and emptied + timedelta(days=RUN_DAYS_MAX),
                gone and gone + timedelta(milliseconds=kept.click_window_ms),
            )
            if border
        ]
        arguments = {
            "app": kept.app_id,
            "decided": max(decided, default=None),
            "counted": _border(today, kept.event_days),
            "clicks": gone and gone + timedelta(days=1),
        }
        moved += run(connection, _MOVE_BORDERS, arguments).rowcount
    if moved:
        wait_for_batches(connection)
        wait_for_rollups(connection)


def empty_events(connection: Connection, kept: KeptDays, border: datetime) -> int:
    """Empties the addresses of the next events, and of what decisions read of them."""
    with transaction(connection):
        rows = run(connection, _NEXT_EVENTS, _range(kept, border)).fetchall()
        if not rows:
            return 0
        empty_addresses(connection, kept.app_id, rows)
        run(connection, _EVENTS_EMPTIED, (rows[-1][0], kept.app_id))
    return len(rows)


def empty_clicks(connection: Connection, kept: KeptDays, border: datetime) -> int:
    """Empties the addresses of the next clicks."""
    statements = _CLICKS_TO_EMPTY, _EMPTY_CLICKS, _CLICKS_EMPTIED
    return _next_clicks(connection, kept, border, statements)


def delete_clicks(connection: Connection, kept: KeptDays, border: datetime) -> int:
    """Deletes those of the next clicks that are credited to nobody."""
    statements = _CLICKS_TO_EXPIRE, _DELETE_CLICKS, _CLICKS_EXPIRED
    return _next_clicks(connection, kept, border, statements)


def delete_events(connection: Connection, kept: KeptDays, border: datetime) -> int:
    """Deletes events of which no period is rolled up again."""
    arguments = {**_range(kept, border - timedelta(days=1)), "counted": border}
    return run(connection, _DELETE_EVENTS, arguments).rowcount


def delete_callbacks(connection: Connection, kept: KeptDays, border: datetime) -> int:
    """Deletes callbacks that do not wait any more."""
    arguments = {"app": kept.app_id, "before": border, "count": ROWS_AT_ONCE}
    return run(connection, _DELETE_CALLBACKS, arguments).rowcount


def _empty_day_file(connection: Connection, kept: KeptDays, border: datetime) -> int:
    return empty_day_file(connection, kept.app_id, border)


def _delete_day_files(connection: Connection, kept: KeptDays, border: datetime) -> int:
    return delete_day_files(connection, kept.app_id, border)


def _next_clicks(
    connection: Connection,
    kept: KeptDays,
    border: datetime,
    statements: tuple[str, str, str],
) -> int:
    """Finds the next clicks before a border, changes them and notes how far that has come."""
    find, change, note = statements
    with transaction(connection):
        rows = run(connection, find, _range(kept, border)).fetchall()
        if rows:
            run(connection, change, {"receipts": [receipt for (receipt,) in rows]})
            run(connection, note, (*rows[-1], kept.app_id))
    return len(rows)


def _range(kept: KeptDays, border: datetime) -> dict[str, object]:
    before = receipt_floor(int(border.timestamp()) * 1000)
    return {"app": kept.app_id, "before": before, "count": ROWS_AT_ONCE}


# Each with the days of an app that it keeps to.
STEPS: dict[str, tuple[Callable[[KeptDays], int | None], Step]] = {
    "event addresses": (attrgetter("address_days"), empty_events),
    "click addresses": (attrgetter("address_days"), empty_clicks),
    "clicks": (attrgetter("click_days"), delete_clicks),
    "events": (attrgetter("event_days"), delete_events),
    "addresses in day files": (attrgetter("address_days"), _empty_day_file),
    "day files": (attrgetter("event_days"), _delete_day_files),
    "callbacks": (attrgetter("delivery_days"), delete_callbacks),
}
