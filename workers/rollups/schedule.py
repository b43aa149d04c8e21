"""Schedules the rollup of stale hours and days.

Each transaction rolls up one period, or a step of it, and one worker at a time does so for an app.
It deletes the rows of `stale_periods` that it sees of the period and then aggregates, so that a
change made meanwhile leaves a new row. Then the period rests for three times as long as it took:
the more there is to aggregate, the smaller its share of a worker. Hours come before days, the
newest first, and changes before the steps of much work, of which each job takes at least one
(`due_periods`).
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

from shared.database import Connection, DatabaseError, run, sqlstate, transaction
from shared.day_files.faults import DayFilesUnreadable
from shared.day_files.rows import rows_of_time
from shared.logs import note
from shared.zones.app_days import UnknownZone
from workers.rollups.aggregate import (
    events_of,
    roll_up_day,
    roll_up_earnings,
    roll_up_hour,
    roll_up_hour_traffic,
    roll_up_traffic,
)
from workers.rollups.due_periods import FAILURE_REST_SECONDS, due_periods, is_due, tidy
from workers.rollups.large_days.days import LargeDay, find_large_day, finish_day, forget_days
from workers.rollups.large_days.steps import take_day, take_hour
from workers.rollups.recount import (
    apps_with_new_zones,
    aside_if_it_fails,
    begin_recount,
    drop,
    finish_recount,
    is_of_other_zone,
    realign,
    recount,
)
from workers.rollups.rollup_locks import may_roll_up
from workers.rollups.stale_periods import Grain, StalePeriod, mark_stale

_log = logging.getLogger(__name__)
_NO_SUCH_ZONE = (
    "the time zone of an app is unknown here, and its days wait to be counted in it: update the "
    "time zone data (tzdata) and restart the workers"
)

STATEMENT_SECONDS_MAX = 120  # a job has more
REST_TIMES = 3
REST_SECONDS_MIN = 2

# What the users of a slice did is grouped in memory: with PostgreSQL's 4 MB it goes to disk.
_LIMITS = f"""
SELECT set_config('statement_timeout', '{STATEMENT_SECONDS_MAX}s', true),
       set_config('work_mem', '64MB', true),
       (SELECT zone FROM day_zones WHERE app_id = %(app_id)s),
       (SELECT counted_before FROM retention WHERE app_id = %(app_id)s),
       (SELECT greatest(counted_before, clicks_counted_before) FROM retention
        WHERE app_id = %(app_id)s)
"""

_DELETE_ROWS = """
DELETE FROM stale_periods
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start = %(start)s
"""

_RECORD_SUCCESS = """
INSERT INTO counted_periods (
    app_id, environment, grain, start, counted_at, rests_until, state_at, zone
)
VALUES (
    %(app_id)s, %(environment)s, %(grain)s, %(start)s, now(),
    clock_timestamp() + %(seconds)s * interval '1 second', CASE WHEN %(is_large)s THEN now() END,
    %(zone)s
)
ON CONFLICT (app_id, environment, grain, start) DO UPDATE SET
    counted_at = excluded.counted_at, rests_until = excluded.rests_until,
    state_at = excluded.state_at,
    zone = CASE WHEN %(keeps_zone)s THEN counted_periods.zone ELSE excluded.zone END
"""

_RECORD_FAILURE = """
INSERT INTO counted_periods (app_id, environment, grain, start, rests_until)
VALUES (%s, %s, %s, %s, now() + %s * interval '1 second')
ON CONFLICT (app_id, environment, grain, start) DO UPDATE SET rests_until = excluded.rests_until
"""


class Turn(Enum):
    """What came of a listed period: rolled up, left to the worker who has its app, or not due."""

    DONE = auto()
    BUSY = auto()
    GONE = auto()


@dataclass(frozen=True, slots=True)
class RolledUp:
    """The number of periods and steps rolled up, and whether more are due already."""

    periods: int
    more: bool


def roll_up(connection: Connection, seconds_max: float) -> RolledUp:
    """Rolls up due periods until time is up, at least one. Raises DatabaseError.

    A period that fails rests for a while, so that it does not block the others. An app whose time
    zone is unknown here is put aside, or goes on in the zone before: another worker may know it.
    """
    ends_at = time.monotonic() + seconds_max
    with transaction(connection):
        if may_roll_up(connection, 0):
            tidy(connection)
    _follow_zones(connection)
    busy_apps: list[int] = []
    changes, more_changes = _roll_up_due(connection, busy_apps, ends_at, is_step=False)
    steps, more_steps = _roll_up_due(connection, busy_apps, ends_at, is_step=True)
    more = more_changes or more_steps
    while not more and forget_days(connection):
        more = time.monotonic() >= ends_at
    return RolledUp(changes + steps, more)


def _follow_zones(connection: Connection) -> None:
    """Begins to count the days of apps again whose time zone was changed."""
    for app_id in apps_with_new_zones(connection):
        with _aside_if_zone_is_unknown(app_id), aside_if_it_fails(app_id), transaction(connection):
            if may_roll_up(connection, app_id):
                begin_recount(connection, app_id)


def _roll_up_due(
    connection: Connection, busy_apps: list[int], ends_at: float, *, is_step: bool
) -> tuple[int, bool]:
    """Rolls up due periods, or steps, until time is up, one at least if any is due.

    Returns how many it rolled up and whether more are due. Apps that another worker has are added
    to `busy_apps`.
    """
    done = 0
    for period in due_periods(connection, busy_apps, is_step=is_step):
        if done and time.monotonic() >= ends_at:
            return done, True
        turn = Turn.BUSY
        with _aside_if_zone_is_unknown(period.app_id):
            turn = _roll_up_period(connection, period, is_step=is_step)
        if turn is Turn.DONE:
            done += 1
        elif turn is Turn.BUSY:
            busy_apps.append(period.app_id)
    return done, False


@contextmanager
def _aside_if_zone_is_unknown(app_id: int) -> Iterator[None]:
    """Ends what is done for an app, with a line in the log, where its time zone is unknown."""
    try:
        yield
    except UnknownZone:
        note(_log, logging.ERROR, _NO_SUCH_ZONE, app=app_id)


def _roll_up_period(connection: Connection, period: StalePeriod, *, is_step: bool) -> Turn:
    """Rolls up a period or a step, unless another worker has the app or has done it.

    Raises UnknownZone, and DatabaseError after noting it.
    """
    try:
        with transaction(connection):
            if not may_roll_up(connection, period.app_id):
                return Turn.BUSY
            if not is_due(connection, period, is_step=is_step):
                return Turn.GONE
            [(*_, zone, counted_before, kept_before)] = run(
                connection, _LIMITS, {"app_id": period.app_id}
            )
            began_at = time.monotonic()
            is_recount = False
            if zone is not None:
                period = period._replace(zone=zone)
                if realign(connection, period):
                    return Turn.DONE
                is_recount = is_of_other_zone(connection, period)
                is_day = period.grain is Grain.DAY
                border = kept_before if is_recount else counted_before if is_day else None
                if border and period.day.bounds[0] < border:
                    drop(connection, period)
                    return Turn.DONE
            # A period that is counted anew may replace all of its day.
            with rows_of_time(connection, events_of(period.day if is_recount else period)):
                large_day, keeps_zone = _replace(
                    connection, period, is_recount=is_recount, is_step=is_step
                )
            rest_seconds = max(REST_TIMES * (time.monotonic() - began_at), REST_SECONDS_MIN)
            outcome = {
                "seconds": 0 if is_step else rest_seconds,
                "is_large": large_day is not None,
                "keeps_zone": keeps_zone,
            }
            run(connection, _RECORD_SUCCESS, {**period._asdict(), **outcome})
            return Turn.DONE
    except DayFilesUnreadable as error:
        note(_log, logging.ERROR, f"a period waits for its events: {error.code}", app=period.app_id)
        run(connection, _RECORD_FAILURE, (*period[:4], FAILURE_REST_SECONDS))
        return Turn.DONE
    except DatabaseError as error:
        if sqlstate(error) is not None:
            run(connection, _RECORD_FAILURE, (*period[:4], FAILURE_REST_SECONDS))
        raise


def _replace(
    connection: Connection, period: StalePeriod, *, is_recount: bool, is_step: bool
) -> tuple[LargeDay | None, bool]:
    """Returns the large day of a period, and whether it is still counted in another zone."""
    large_day = find_large_day(connection, period)
    if is_recount:
        large_day = recount(connection, period, large_day)
    if large_day is not None:
        return large_day, not _take_step(connection, large_day, period, is_step=is_step)
    if not is_recount:
        _roll_up_whole(connection, period)
    return None, False


def _roll_up_whole(connection: Connection, period: StalePeriod) -> None:
    run(connection, _DELETE_ROWS, period._asdict())
    if period.grain is Grain.HOUR:
        roll_up_hour(connection, period)
        mark_stale(connection, [period.day])
    else:
        roll_up_day(connection, period)


def _take_step(
    connection: Connection, day: LargeDay, period: StalePeriod, *, is_step: bool
) -> bool:
    """Rolls up some of the stale rows of a period of a large day.

    Returns whether the day is in the zone of the period, and not still counted in another.
    """
    if period.grain is Grain.HOUR:
        take_hour(connection, day, period, is_step=is_step)
        if day.recounting:
            roll_up_hour_traffic(connection, period)
        elif not is_step:
            roll_up_traffic(connection, period)
        mark_stale(connection, [period.day._replace(user_ref=0)])
    else:
        take_day(connection, day, period, is_step=is_step)
        if not is_step and not day.recounting:
            roll_up_earnings(connection, period)
    is_finished = day.building and finish_day(connection, period)
    if day.recounting and is_finished:
        finish_recount(connection, period)
    return is_finished or not day.recounting
