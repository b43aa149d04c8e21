"""Counts the days of an app again when its time zone has changed.

Workers follow a change when every transaction that may have read the zone before has ended. Then
each day that was counted in another zone is a step of much work, the newest first, and what is
stored of a day is replaced in one transaction; a change in a day that waits takes its turn at once.
Hours are the same in most zones. Where they are not, those of a day are replaced with it. A day of
which events or clicks have expired stays as it was counted.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta

from shared.database import Connection, DatabaseError, is_unavailable, run, sqlstate
from shared.zones.app_days import UTC_ZONE, AppDays
from workers.rollups.aggregate import (
    roll_up_day,
    roll_up_earnings,
    roll_up_hour,
    roll_up_hour_traffic,
    sum_day,
    sum_traffic,
)
from workers.rollups.large_days import days as large_days
from workers.rollups.large_days.days import (
    LargeDay,
    begin_day,
    bounds_of,
    count_events,
)
from workers.rollups.stale_periods import Grain, StalePeriod, mark_stale

_log = logging.getLogger(__name__)
_NOT_BEGUN = (
    "the days of app %d cannot be counted in its new time zone yet (SQLSTATE %s) and stay in the "
    "one before; the next job tries again"
)

CHANGE_SETTLES_SECONDS = 30  # longer than any transaction that marks days

_CHANGED = """
SELECT apps.id FROM apps LEFT JOIN day_zones ON app_id = apps.id
WHERE time_zone <> coalesce(zone, 'UTC') AND time_zone_at < now() - %s * interval '1 second'
"""
_ZONE_BEFORE = "SELECT zone FROM day_zones WHERE app_id = %s"
_FOLLOW = """
INSERT INTO day_zones (app_id, zone) SELECT id, time_zone FROM apps WHERE id = %s
ON CONFLICT (app_id) DO UPDATE SET zone = excluded.zone, since = excluded.since
RETURNING zone
"""
_FORGET_LARGE = "UPDATE large_days SET building = NULL WHERE app_id = %s"
# Each date in UTC with counted hours, whose day may not have been counted yet.
_HOURS = """
SELECT DISTINCT environment, (start AT TIME ZONE 'UTC')::date FROM counted_periods
WHERE app_id = %s AND grain = 'hour'
"""
# Days that have these hours now, or had them before and were not counted yet, though sums of their
# hours are stored. One may have been counted in this zone before another one was; if something of
# it has expired it stays, and what it says of its zone.
_DISTRUST = """
INSERT INTO counted_periods (app_id, environment, grain, start, rests_until, zone)
SELECT %(app_id)s, environment, 'day', start, now(), ''
FROM unnest(%(environments)s::text[], %(starts)s::timestamptz[], %(begins)s::timestamptz[])
    AS sent (environment, start, begins)
WHERE NOT EXISTS (
    SELECT FROM retention WHERE app_id = %(app_id)s
      AND begins < greatest(counted_before, clicks_counted_before)
)
ON CONFLICT (app_id, environment, grain, start) DO UPDATE SET zone = ''
WHERE counted_periods.zone = %(zone)s
"""
_MARK = """
INSERT INTO stale_periods (app_id, environment, grain, start, slice)
SELECT app_id, environment, grain, start, 0 FROM counted_periods
WHERE app_id = %s AND grain = 'day' AND zone <> %s
"""
# An hour of the zone before that ends in a day is deleted with the day before, in which it begins.
_MARK_FIRST_HOURS = """
INSERT INTO stale_periods (app_id, environment, grain, start)
SELECT %(app_id)s, environment, 'hour', begins
FROM unnest(%(environments)s::text[], %(begins)s::timestamptz[]) AS sent (environment, begins)
WHERE EXISTS (
    SELECT FROM counted_periods AS counted
    WHERE app_id = %(app_id)s AND counted.environment = sent.environment AND grain = 'hour'
      AND start > begins - interval '1 hour' AND start < begins
)
"""
_ZONE_OF_DAY = """
SELECT zone FROM counted_periods
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start = %(day_start)s
"""
_IS_RECOUNTED = """
UPDATE counted_periods SET zone = %(zone)s
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start = %(day_start)s
"""
# From its first step on, the hours of a large day are not those of the zone before.
_IS_IN_NONE = """
UPDATE counted_periods SET zone = ''
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start = %(day_start)s AND zone <> ''
"""
_TAKE = """
DELETE FROM stale_periods
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start = %(start)s
RETURNING minute
"""
# What was marked by hours of 60 minutes, of an hour that ends before; steps know its minutes.
_TAKE_BEYOND = """
DELETE FROM stale_periods
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
  AND start = %(start)s AND slice IS NULL AND (minute IS NULL OR minute >= %(minutes)s)
RETURNING minute
"""
_DELETE_OTHER_HOURS = """
DELETE FROM {table}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
  AND start >= %(day_from)s AND start < %(day_until)s
  AND extract(epoch FROM start - %(day_from)s)::bigint %% 3600 <> 0
"""
_RECORD = """
INSERT INTO counted_periods (app_id, environment, grain, start, counted_at, rests_until, zone)
VALUES (%(app_id)s, %(environment)s, %(grain)s, %(start)s, now(), clock_timestamp(), %(zone)s)
ON CONFLICT (app_id, environment, grain, start) DO UPDATE SET
    counted_at = excluded.counted_at, state_at = NULL, zone = excluded.zone
"""
# An hour of a large day whose events wait for their step, if it has any.
_RECORD_NEW = """
INSERT INTO counted_periods (
    app_id, environment, grain, start, counted_at, rests_until, state_at, zone
)
VALUES (
    %(app_id)s, %(environment)s, %(grain)s, %(start)s, now(), clock_timestamp(), now(), %(zone)s
)
ON CONFLICT (app_id, environment, grain, start) DO NOTHING
"""


def apps_with_new_zones(connection: Connection) -> list[int]:
    """Returns the apps whose days are counted in another zone than theirs, once that is settled."""
    return [app_id for (app_id,) in run(connection, _CHANGED, (CHANGE_SETTLES_SECONDS,))]


@contextmanager
def aside_if_it_fails(app_id: int) -> Iterator[None]:
    """Leaves an app in the zone before, with a line in the log, where its days cannot be marked.

    The next job tries again, and other apps do not wait. Raises DatabaseError if PostgreSQL is
    away.
    """
    try:
        yield
    except DatabaseError as error:
        if is_unavailable(error):
            raise
        _log.error(_NOT_BEGUN, app_id, sqlstate(error))


def begin_recount(connection: Connection, app_id: int) -> None:
    """Counts the days of an app in its zone from now on, and marks those that were counted before.

    The caller holds the lock of the app's rollups.
    """
    before = run(connection, _ZONE_BEFORE, (app_id,)).fetchone()
    [(zone,)] = run(connection, _FOLLOW, (app_id,))
    run(connection, _FORGET_LARGE, (app_id,))
    app_days = AppDays(zone)
    zones = (app_days, AppDays(before[0] if before else UTC_ZONE))
    days = {
        (environment, day)
        for environment, date_in_utc in run(connection, _HOURS, (app_id,))
        for days_of_zone in zones
        for day in _days_with(date_in_utc, days_of_zone)
    }
    arguments = {
        "app_id": app_id,
        "zone": zone,
        "environments": [environment for environment, _ in days],
        "starts": [datetime.combine(day, time(), UTC) for _, day in days],
        "begins": [app_days.start(day) for _, day in days],
    }
    run(connection, _DISTRUST, arguments)
    run(connection, _MARK_FIRST_HOURS, arguments)
    run(connection, _MARK, (app_id, zone))


def _days_with(date_in_utc: date, days: AppDays) -> set[date]:
    """Returns the days of a zone that have hours of a date in UTC, which may end on the next."""
    begin = AppDays().start(date_in_utc)
    return {days.day_of(begin + timedelta(hours=number)) for number in range(26)}


def realign(connection: Connection, period: StalePeriod) -> bool:
    """Marks the hours of the app's zone in place of an hour that is none; tells whether it was.

    Of an hour that is shorter, as a day's last one may be, marks what is beyond its end.
    """
    if period.grain is Grain.DAY:
        return False
    days = AppDays(period.zone)
    is_hour = days.hour_start(period.start) == period.start
    length = days.hour_end(period.start) - period.start
    if is_hour and length == timedelta(hours=1):
        return False
    arguments = {**period._asdict(), "minutes": length // timedelta(minutes=1)}
    marked = []
    for (minute,) in run(connection, _TAKE_BEYOND if is_hour else _TAKE, arguments).fetchall():
        for passed in (0, 30, 59) if minute is None else (minute,):
            moment = period.start + timedelta(minutes=passed)
            hour = days.hour_start(moment)
            within = None if minute is None else (moment - hour) // timedelta(minutes=1)
            marked.append(period.whole._replace(start=hour, minute=within))
    mark_stale(connection, marked)
    return not is_hour


def is_of_other_zone(connection: Connection, period: StalePeriod) -> bool:
    """Tells whether the day of a period was counted in another zone, and has to be again."""
    found = run(connection, _ZONE_OF_DAY, bounds_of(period)).fetchone()
    return found is not None and found[0] != period.zone


def drop(connection: Connection, period: StalePeriod) -> None:
    """Leaves a period as it was counted, because something of its day has expired."""
    run(connection, _TAKE, period._asdict())


def recount(
    connection: Connection, period: StalePeriod, large_day: LargeDay | None
) -> LargeDay | None:
    """Replaces what is stored of the day of a period, unless the day is too large for that.

    Returns the large day, whose steps do it.
    """
    day = period.day
    if large_day is None:
        events_max = large_days.SLICE_EVENTS_MAX
        if count_events(connection, bounds_of(day), events_max) > events_max:
            large_day = begin_day(connection, period)
    has_other_hours = _delete_other_hours(connection, day)
    if large_day is not None:
        for hour in _hours(day) if has_other_hours else ():
            roll_up_hour_traffic(connection, hour)
            run(connection, _RECORD_NEW, hour._asdict())
        run(connection, _IS_IN_NONE, bounds_of(day))
        return large_day._replace(recounting=True)
    hours = _hours(day) if has_other_hours else [period] if period.grain is Grain.HOUR else []
    for hour in hours:
        run(connection, _TAKE, hour._asdict())
        roll_up_hour(connection, hour)
        run(connection, _RECORD, hour._asdict())
    run(connection, _TAKE, day._asdict())
    sum_day(connection, day)
    sum_traffic(connection, day)
    roll_up_day(connection, day)
    run(connection, _RECORD, day._asdict())
    return None


def finish_recount(connection: Connection, period: StalePeriod) -> None:
    """Replaces what the steps of a large day leave, with the last of them."""
    day = period.day
    sum_day(connection, day)
    sum_traffic(connection, day)
    roll_up_earnings(connection, day)
    run(connection, _IS_RECOUNTED, bounds_of(day))


def _hours(day: StalePeriod) -> list[StalePeriod]:
    days = AppDays(day.zone)
    return [day._replace(grain=Grain.HOUR, start=start) for start in days.hours(day.local_date)]


def _delete_other_hours(connection: Connection, day: StalePeriod) -> bool:
    """Deletes the hours of another zone that begin in a day; tells whether it needs new ones."""
    bounds = bounds_of(day)
    deleted = run(connection, _DELETE_OTHER_HOURS.format(table="counted_periods"), bounds).rowcount
    if deleted:
        for table in ("figures", "figure_sums", "reach", "traffic", "traffic_sums"):
            run(connection, _DELETE_OTHER_HOURS.format(table=table), bounds)
    begin, end = day.bounds
    return bool(deleted or (end - begin) % timedelta(hours=1))
