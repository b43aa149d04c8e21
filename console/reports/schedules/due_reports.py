"""Sends the reports that are due, each once, whichever process of the console does it.

What is due becomes a row, in the transaction that moves the schedule on, so that two processes
write it once. A claim of the row counts an attempt and lapses: if a process dies, the row is due
again under the same id. Whatever is wrong with a report is settled with it alone, and an app takes
turns with the others.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from console.apps.apps import App, app_with_id
from console.reports.bounds import moment_of
from console.reports.schedules.report_sending import send_report
from console.reports.schedules.schedule import (
    SCHEDULE_COLUMNS,
    ReportSchedule,
    schedule_from_row,
)
from console.resources import Resources, resources_of
from shared.callbacks.attempts import AttemptResult
from shared.clock import Clock
from shared.database import (
    Connection,
    DatabaseError,
    Pool,
    is_unavailable,
    named_rows,
    run,
    transaction,
)
from shared.errors import BadValue, OperatorError
from shared.ids import derived_receipt
from shared.redis import Redis
from shared.settings import Settings

CLAIM_SECONDS = 180  # longer than an answer and an attempt by mail take
NOTED_MAX = 10  # at once
RETRY_SECONDS = (60, 300, 1_800, 7_200)  # after the first, second, … attempt
LOG_MAX = 100  # deliveries of a schedule that are kept
_OTHERS_KEPT = LOG_MAX - 1  # besides the last
LOOK_SECONDS = 15.0
APP_SECONDS_MAX = 60  # of a pass; what is left of an app's reports waits for the next
_UNSCHEDULED = timedelta(days=1)  # until a schedule that names no time is looked at again
_LOG = logging.getLogger(__name__)

_DUE = f"""
SELECT {SCHEDULE_COLUMNS} FROM report_schedules
WHERE next_at <= %(now)s AND paused_at IS NULL AND deleted_at IS NULL
  AND app_id IN (SELECT id FROM apps WHERE archived_at IS NULL)
ORDER BY next_at LIMIT {NOTED_MAX}
FOR UPDATE SKIP LOCKED
"""
_MOVED = f"""
SELECT {SCHEDULE_COLUMNS}, (SELECT time_zone FROM apps WHERE id = app_id)
FROM report_schedules
WHERE follows_app AND deleted_at IS NULL
  AND zone <> (SELECT time_zone FROM apps WHERE id = app_id)
  AND (next_at > %(now)s OR paused_at IS NOT NULL)  -- what is due by its old clock is sent first
FOR UPDATE SKIP LOCKED
"""
_FOLLOW = """
UPDATE report_schedules SET zone = %(zone)s, next_at = %(next_at)s WHERE id = %(schedule)s
"""
_NOTE = """
INSERT INTO report_deliveries (schedule_id, due_at, message_id, try_at)
VALUES (%(schedule)s, %(due_at)s, %(message)s, %(now)s)
ON CONFLICT (schedule_id, due_at) DO NOTHING
"""
_NOTE_FAILED = """
INSERT INTO report_deliveries
    (schedule_id, due_at, message_id, try_at, state, outcome, settled_at)
VALUES (%(schedule)s, %(due_at)s, %(message)s, %(now)s, 'failed', %(outcome)s, %(now)s)
ON CONFLICT (schedule_id, due_at) DO NOTHING
"""
_MOVE = "UPDATE report_schedules SET next_at = %(next_at)s WHERE id = %(schedule)s"
_FORGET = f"""
DELETE FROM report_deliveries
WHERE schedule_id = %(schedule)s AND state <> 'waiting' AND due_at < (
    SELECT due_at FROM report_deliveries WHERE schedule_id = %(schedule)s
    ORDER BY due_at DESC OFFSET {_OTHERS_KEPT} LIMIT 1
)
"""
_CLAIM = f"""
WITH picked AS (
    SELECT schedule_id, report_deliveries.due_at
    FROM report_deliveries JOIN report_schedules ON id = schedule_id
        LEFT JOIN unnest(%(apps)s::bigint[], %(seconds)s::float8[]) AS used (app_id, seconds)
            USING (app_id)
    WHERE state = 'waiting' AND try_at <= %(now)s
      AND coalesce(used.seconds, 0) < {APP_SECONDS_MAX}
    ORDER BY coalesce(used.seconds, 0), try_at LIMIT 1
    FOR UPDATE OF report_deliveries SKIP LOCKED
), claimed AS (
    UPDATE report_deliveries SET attempts = attempts + 1, try_at = %(lapses)s
    FROM picked
    WHERE (report_deliveries.schedule_id, report_deliveries.due_at)
        = (picked.schedule_id, picked.due_at)
    RETURNING report_deliveries.*
)
SELECT {SCHEDULE_COLUMNS}, claimed.due_at, message_id, attempts, deleted_at
FROM claimed JOIN report_schedules ON id = schedule_id
"""
_SETTLE = """
UPDATE report_deliveries SET
    state = %(state)s, outcome = %(outcome)s, status = %(status)s, try_at = %(try_at)s,
    settled_at = %(now)s
WHERE schedule_id = %(schedule)s AND due_at = %(due_at)s AND state = 'waiting'
"""
_DELIVERIES = """
SELECT due_at, state, outcome, status, attempts, settled_at FROM report_deliveries
WHERE schedule_id = %s ORDER BY due_at DESC LIMIT %s
"""


@dataclass(frozen=True)
class ReportDelivery:
    """A report that was due, and what became of it.

    It is waiting, delivered, failed, or withheld because its schedule was deleted or paused.
    """

    due_at: datetime
    state: str
    outcome: str
    status: int | None
    attempts: int
    settled_at: datetime | None


class ReportClaim(NamedTuple):
    """A report that this process is to send now. `is_off`: nobody wants it any more."""

    schedule: ReportSchedule
    due_at: datetime
    message_id: UUID
    attempts: int
    is_off: bool


NOTHING_USED: Mapping[int, float] = MappingProxyType({})

Send = Callable[
    [Resources, Settings, tuple[App, ReportSchedule], datetime, UUID, int], AttemptResult
]


def list_deliveries(
    connection: Connection, schedule: ReportSchedule, count: int
) -> list[ReportDelivery]:
    """Lists what a schedule sent, newest first."""
    return [ReportDelivery(*row) for row in run(connection, _DELIVERIES, (schedule.id, count))]


def note_due(connection: Connection, now: datetime) -> int:
    """Notes which reports are due and when each is due next; returns how many are.

    Of the times that passed while no console ran, the last one counts. A schedule whose times
    cannot be told any more, as when its zone is gone, has failed.
    """
    with transaction(connection):
        _follow_apps(connection, now)
        due = [schedule_from_row(row) for row in named_rows(connection, _DUE, {"now": now})]
        for schedule in due:
            note, outcome = _NOTE, ""
            try:
                times = schedule.timing.last_until(now), schedule.timing.next_after(now)
            except OperatorError as error:
                note, outcome, times = _NOTE_FAILED, error.message, (now, now + _UNSCHEDULED)
            due_ms = int(times[0].timestamp() * 1000)
            arguments = {
                "schedule": schedule.id,
                "due_at": times[0],
                "message": derived_receipt(due_ms, f"report schedule {schedule.id}".encode()),
                "next_at": times[1],
                "now": now,
                "outcome": outcome,
            }
            for statement in (note, _MOVE, _FORGET):
                run(connection, statement, arguments)
    return len(due)


def _follow_apps(connection: Connection, now: datetime) -> None:
    """Moves what follows its app to the clock of the app, whose time zone has changed."""
    for row in named_rows(connection, _MOVED, {"now": now}):
        zone = row.pop("time_zone")
        schedule = replace(schedule_from_row(row), zone=zone)
        try:
            next_at = schedule.timing.next_after(now)
        except BadValue:  # no such time zone is installed any more
            continue
        run(connection, _FOLLOW, {"schedule": schedule.id, "zone": zone, "next_at": next_at})


def claim_report(
    connection: Connection, now: datetime, used_seconds: Mapping[int, float] = NOTHING_USED
) -> ReportClaim | None:
    """Claims a report that is due, of the app that has used the least time; None if there is none.

    An app that has used APP_SECONDS_MAX is left out.
    """
    arguments = {
        "now": now,
        "lapses": now + timedelta(seconds=CLAIM_SECONDS),
        "apps": list(used_seconds),
        "seconds": list(used_seconds.values()),
    }
    with transaction(connection):
        rows = named_rows(connection, _CLAIM, arguments)
    for row in rows:
        due_at, message_id, attempts, deleted_at = (
            row.pop(name) for name in ("due_at", "message_id", "attempts", "deleted_at")
        )
        schedule = schedule_from_row(row)
        is_off = schedule.paused_at is not None or deleted_at is not None
        return ReportClaim(schedule, due_at, message_id, attempts, is_off)
    return None


def settle_report(
    connection: Connection, claimed: ReportClaim, result: AttemptResult, now: datetime
) -> None:
    """Writes what became of an attempt."""
    state, retry_seconds = "failed", 0
    if claimed.is_off:
        state = "withheld"
    elif result.is_delivered:
        state = "delivered"
    elif not result.is_final and claimed.attempts <= len(RETRY_SECONDS):
        state, retry_seconds = "waiting", RETRY_SECONDS[claimed.attempts - 1]
    arguments = {
        "state": state,
        "outcome": result.outcome,
        "status": result.status,
        "try_at": now + timedelta(seconds=retry_seconds),
        "now": now,
        "schedule": claimed.schedule.id,
        "due_at": claimed.due_at,
    }
    run(connection, _SETTLE, arguments)


def send_due(
    resources: Resources, settings: Settings, clock: Clock, send: Send = send_report
) -> int:
    """Sends what is due, one after the other; returns how many reports were tried.

    A pass ends when nothing is due but reports of apps that have used their time in it. Raises
    DatabaseError while PostgreSQL is away: the report is then due again.
    """
    connection = resources.connection
    used_seconds: dict[int, float] = {}
    tried = 0
    while True:
        note_due(connection, moment_of(clock()))
        began_ms = clock()
        claimed = claim_report(connection, moment_of(began_ms), used_seconds)
        if claimed is None:
            return tried
        schedule = claimed.schedule
        app = app_with_id(connection, schedule.app_id)
        if claimed.is_off or app is None or app.archived_at:
            result = AttemptResult("the schedule was paused or deleted", is_final=True)
            claimed = claimed._replace(is_off=True)
        elif claimed.attempts > len(RETRY_SECONDS) + 1:  # nobody lived to write what became of it
            result = AttemptResult("the console stopped at every attempt", is_final=True)
        else:
            sending = claimed.due_at, claimed.message_id, clock()
            try:
                result = send(resources, settings, (app, schedule), *sending)
            except Exception as error:
                if isinstance(error, DatabaseError) and is_unavailable(error):
                    raise
                # Whatever else it is, it is of this report alone.
                _LOG.warning("report schedule %s: %s", schedule.id, type(error).__name__)
                result = AttemptResult("an internal error; see the log of the console")
        settle_report(connection, claimed, result, moment_of(clock()))
        used = used_seconds.get(schedule.app_id, 0.0)
        used_seconds[schedule.app_id] = used + (clock() - began_ms) / 1000
        tried += 1


def send_forever(pool: Pool, redis: Redis, settings: Settings, clock: Clock) -> None:
    """Sends what is due within seconds of its time, for ever."""
    while True:
        try:
            with pool.connection() as connection:
                send_due(resources_of(connection, redis, settings), settings, clock)
        except Exception as error:  # noqa: BLE001 - whatever it is, other reports are due later
            _LOG.warning("reports are not sent: %s", type(error).__name__)
        time.sleep(LOOK_SECONDS)
