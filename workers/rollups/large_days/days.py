"""Keeps the list of large days, and builds one beside what is shown of it.

A day becomes large when one of its hours, or the day, has too many events to be rolled up by one
statement; and it is built again when a worker of an earlier version has rolled it up, or somebody
asks for a recalculation. Until the last step of that, reports show what they did.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from shared.database import Connection, run, transaction
from workers.rollups.aggregate import range_of
from workers.rollups.stale_periods import Grain, StalePeriod

# An event costs 30 to 45 us: statements of a few seconds.
SLICE_EVENTS_MAX = 100_000
DAY_EVENTS_MAX = 200_000  # of a day that is rolled up as a whole
QUIET_HOURS_MAX = 48  # what is kept of users takes 60 bytes an event
FORGOTTEN_ROWS_MAX = 20_000

# Hours have their moments, a day its date.
IN_DAY = """(
    grain = 'hour' AND start >= %(day_from)s AND start < %(day_until)s
    OR grain = 'day' AND start = %(day_start)s
)"""

_FIND = """
SELECT id, building FROM large_days
WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(day_start)s::date
  AND building IS NOT NULL
ORDER BY building DESC LIMIT 1
FOR UPDATE
"""
# Workers of an earlier version roll up hours without noting it here.
_IS_OUTDATED = f"""
SELECT EXISTS (
    SELECT FROM counted_periods
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND {IN_DAY}
      AND counted_at IS DISTINCT FROM state_at
)
"""
_ACCEPT_COUNTED = f"""
UPDATE counted_periods SET state_at = counted_at
WHERE app_id = %(app_id)s AND environment = %(environment)s AND {IN_DAY}
"""
_SUM_OF_DAY = """
SELECT coalesce(sum(events), 0) FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start = %(day_start)s
"""
_COUNT = """
SELECT count(*) FROM (
    SELECT FROM events
    WHERE app_id = %(app_id)s AND environment = %(environment)s
      AND event_time >= %(from)s AND event_time < %(until)s
      AND receipt >= %(first_receipt)s  -- reads no partition before it
    LIMIT %(events_max)s
) AS found
"""
_ABANDON = """
UPDATE large_days SET building = NULL
WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(day_start)s::date
  AND building
"""
_DISCARD_REACH = f"""
DELETE FROM reach
WHERE app_id = %(app_id)s AND environment = %(environment)s AND {IN_DAY} AND building = %(building)s
"""
_DISCARD_COMEBACKS = """
DELETE FROM comebacks
WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(day_start)s::date
  AND building = %(building)s
"""
_BEGIN = """
INSERT INTO large_days (app_id, environment, day, building)
VALUES (%(app_id)s, %(environment)s, %(day_start)s::date, true) RETURNING id
"""
# Every step of an earlier beginning, and whatever asks for all of an hour or of the day.
_UNMARK = f"""
DELETE FROM stale_periods
WHERE app_id = %(app_id)s AND environment = %(environment)s AND {IN_DAY}
  AND (slice IS NOT NULL OR minute IS NULL AND user_ref IS NULL)
"""
# Every hour that has events or was rolled up, then those who were active without an event.
_MARK_ALL = """
INSERT INTO stale_periods (app_id, environment, grain, start, slice, user_ref)
SELECT %(app_id)s, %(environment)s, 'hour', hour, 0, NULL
FROM generate_series(%(day_from)s::timestamptz, %(day_until)s - interval '1 microsecond', '1 hour')
    AS hours (hour)
WHERE EXISTS (
    SELECT FROM events
    WHERE app_id = %(app_id)s AND environment = %(environment)s
      AND event_time >= hour AND event_time < least(hour + interval '1 hour', %(day_until)s)
) OR EXISTS (
    SELECT FROM counted_periods
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
      AND start = hour
)
UNION ALL
VALUES (%(app_id)s, %(environment)s, 'day', %(day_start)s::timestamptz, 0, 0)
"""
_IS_UNFINISHED = f"""
SELECT EXISTS (
    SELECT FROM stale_periods
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND slice IS NOT NULL AND {IN_DAY}
)
"""
_SHOW_REACH = f"""
UPDATE reach SET building = false
WHERE app_id = %(app_id)s AND environment = %(environment)s AND {IN_DAY} AND building
"""
_SHOW_COMEBACKS = """
UPDATE comebacks SET building = false
WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(day_start)s::date
  AND building
"""
_REPLACE = """
UPDATE large_days SET building = CASE WHEN building THEN false END
WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(day_start)s::date
"""
_USE = "UPDATE large_days SET used_at = now() WHERE id = %s AND used_at < now() - interval '1 hour'"
_FORGET_QUIET = """
UPDATE large_days SET building = NULL
WHERE NOT building AND used_at < now() - %s * interval '1 hour'
"""
_FORGOTTEN = """
SELECT id FROM large_days WHERE building IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_DELETE_EVENTS = """
DELETE FROM day_events WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM day_events WHERE day_id = %s LIMIT %s
))
"""
_DELETE_USERS = """
DELETE FROM day_users WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM day_users WHERE day_id = %s LIMIT %s
))
"""
_DELETE_DAY = "DELETE FROM large_days WHERE id = %s"


class LargeDay(NamedTuple):
    """A large day. While it is `building`, its reach and comebacks are not shown yet.

    While it is `recounting`, because it was counted in another time zone, nothing of the day is.
    """

    id: int
    building: bool
    recounting: bool = False


def bounds_of(period: StalePeriod) -> dict[str, object]:
    """Returns the arguments of statements about a period and its day."""
    begin, end = period.bounds
    day_from, day_until = period.day.bounds
    return {
        "app_id": period.app_id,
        "environment": period.environment,
        "start": period.start,
        "from": begin,
        "until": end,
        "day_start": period.day.start,
        "day_from": day_from,
        "day_until": day_until,
        "zone": period.zone,
    }


def find_large_day(connection: Connection, period: StalePeriod) -> LargeDay | None:
    """Finds the large day of a period, or makes it one if it has to be. Raises DatabaseError."""
    bounds = bounds_of(period)
    found = run(connection, _FIND, bounds).fetchone()
    if found is None:
        [(events,)] = run(connection, _SUM_OF_DAY, bounds)
        is_large = events > DAY_EVENTS_MAX or (
            period.grain is Grain.HOUR
            and count_events(connection, bounds, SLICE_EVENTS_MAX) > SLICE_EVENTS_MAX
        )
        return begin_day(connection, period) if is_large else None
    [(is_outdated,)] = run(connection, _IS_OUTDATED, bounds)
    if is_outdated:
        return begin_day(connection, period)
    day = LargeDay(*found)
    run(connection, _USE, (day.id,))
    return day


def begin_day(connection: Connection, period: StalePeriod) -> LargeDay:
    """Begins to build a large day, from the beginning if that was begun before."""
    bounds = {**bounds_of(period), "building": True}
    run(connection, _ABANDON, bounds)
    run(connection, _ACCEPT_COUNTED, bounds)
    run(connection, _DISCARD_REACH, bounds)
    run(connection, _DISCARD_COMEBACKS, bounds)
    run(connection, _UNMARK, bounds)
    run(connection, _MARK_ALL, bounds)
    [(day_id,)] = run(connection, _BEGIN, bounds)
    return LargeDay(day_id, building=True)


def finish_day(connection: Connection, period: StalePeriod) -> bool:
    """Shows what was built of a day, if that was the last step; tells whether it was."""
    bounds = {**bounds_of(period), "building": False}
    [(is_unfinished,)] = run(connection, _IS_UNFINISHED, bounds)
    if is_unfinished:
        return False
    run(connection, _DISCARD_REACH, bounds)
    run(connection, _DISCARD_COMEBACKS, bounds)
    run(connection, _SHOW_REACH, bounds)
    run(connection, _SHOW_COMEBACKS, bounds)
    run(connection, _REPLACE, bounds)
    return True


def forget_days(connection: Connection) -> int:
    """Deletes some of what was kept of users of days that are quiet; returns how many rows."""
    with transaction(connection):
        run(connection, _FORGET_QUIET, (QUIET_HOURS_MAX,))
        found = run(connection, _FORGOTTEN).fetchone()
        if found is None:
            return 0
        (day_id,) = found
        rows = run(connection, _DELETE_EVENTS, (day_id, FORGOTTEN_ROWS_MAX)).rowcount
        rows += run(connection, _DELETE_USERS, (day_id, FORGOTTEN_ROWS_MAX)).rowcount
        if not rows:
            run(connection, _DELETE_DAY, (day_id,))
        return rows + 1


def count_events(connection: Connection, bounds: dict[str, object], events_max: int) -> int:
    """Counts the events of a stretch of time, up to one more than `events_max`."""
    arguments = {**bounds, **range_of(bounds), "events_max": events_max + 1}
    [(events,)] = run(connection, _COUNT, arguments)
    return int(events)


def minute_bounds(hour: StalePeriod, minute: int) -> tuple[datetime, datetime]:
    """Returns the beginning and the end of a minute of an hour."""
    start = hour.start + timedelta(minutes=minute)
    return start, start + timedelta(minutes=1)
