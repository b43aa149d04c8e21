"""Takes the next stale rows of a large hour or day, and rolls up what they name.

A step is one transaction: up to SLICE_EVENTS_MAX events or USERS_MAX users. What is left of a
period is marked as stale again in the same transaction, so that any worker goes on, whoever died.
"""

from collections.abc import Sequence

from shared.database import Connection, run
from shared.zones.app_days import UTC_ZONE
from workers.rollups.aggregate import sum_day, sum_figures
from workers.rollups.large_days import days
from workers.rollups.large_days.days import LargeDay, bounds_of, count_events, minute_bounds
from workers.rollups.large_days.slices import Slice, roll_up_slice, roll_up_users
from workers.rollups.stale_periods import StalePeriod

USERS_MAX = 20_000
SLICES_MAX = 64  # each reads all events of its minute
CONVERTED_EVENTS_MAX = 5  # times those of a slice: then no report shows half an hour

_TAKE = """
DELETE FROM stale_periods
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start = %(start)s AND (slice IS NOT NULL) = %(is_step)s
RETURNING minute, slice, slices, user_ref
"""
_LEAVE = """
INSERT INTO stale_periods (app_id, environment, grain, start, minute, slice, slices, user_ref)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_DROP_BEGUN = """
DELETE FROM stale_periods
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
  AND start = %(start)s AND minute = %(minute)s AND slice > 0
"""
_FORMS = """
SELECT coalesce(bool_or(minute IS NULL), false), coalesce(bool_or(minute IS NOT NULL), false)
FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
  AND start = %(start)s
"""
_MINUTES = """
SELECT minute FROM generate_series(0, 59) AS minutes (minute)
WHERE EXISTS (
    SELECT FROM events
    WHERE app_id = %(app_id)s AND environment = %(environment)s
      AND event_time >= %(start)s + minute * interval '1 minute'
      AND event_time < least(%(start)s + (minute + 1) * interval '1 minute', %(until)s)
)
"""
_ACTIVE = """
SELECT user_ref FROM activity
WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(day_start)s::date
  AND user_ref > %(after)s
ORDER BY user_ref LIMIT %(users_max)s
"""
# Days with activity are in UTC; the sessions of some of these users are of the day before or after.
_NEAR = """
SELECT DISTINCT user_ref FROM activity
WHERE app_id = %(app_id)s AND environment = %(environment)s
  AND day >= (%(day_from)s AT TIME ZONE 'UTC')::date
  AND day <= ((%(day_until)s - interval '1 microsecond') AT TIME ZONE 'UTC')::date
  AND user_ref > %(after)s
ORDER BY user_ref LIMIT %(users_max)s
"""

Row = tuple[int | None, int | None, int | None, int | None]


def take_hour(connection: Connection, day: LargeDay, hour: StalePeriod, *, is_step: bool) -> None:
    """Rolls up the stale minutes of an hour, or all of it, as far as a transaction goes."""
    rows = _take(connection, hour, is_step=is_step)
    bounds = bounds_of(hour)
    events_max = CONVERTED_EVENTS_MAX * days.SLICE_EVENTS_MAX
    events = count_events(connection, bounds, events_max)
    [(is_whole, has_minutes)] = run(connection, _FORMS, bounds)
    if events <= days.SLICE_EVENTS_MAX and not has_minutes:
        roll_up_slice(connection, day, hour, Slice())
    elif is_whole and events <= events_max:
        for minute in _all_minutes(connection, bounds):
            roll_up_slice(connection, day, hour, Slice(minute))
    else:
        if is_whole or any(minute is None for minute, *_ in rows):
            rows = [(minute, 0, None, None) for minute in _all_minutes(connection, bounds)]
        _take_minutes(connection, day, hour, rows, is_step=is_step)
    sum_figures(connection, hour)


def _take_minutes(
    connection: Connection, day: LargeDay, hour: StalePeriod, rows: Sequence[Row], *, is_step: bool
) -> None:
    """Rolls up minutes until one transaction has enough, and leaves the others."""
    begun = {(minute, number or 0, slices) for minute, number, slices, _ in rows}
    events = 0
    # What was begun is finished first, newer minutes before older ones.
    for minute, number, known in sorted(
        begun, key=lambda each: (each[2] is None, -(each[0] or 0), each[1])
    ):
        if minute is None or events >= days.SLICE_EVENTS_MAX:
            _leave(connection, hour, (minute, number if is_step else None, known, None))
            continue
        count, slices = (
            (days.SLICE_EVENTS_MAX, known) if known else _divide(connection, hour, minute)
        )
        events += count
        if number == 0:  # the slices of a minute add up, so they all belong to one beginning
            run(connection, _DROP_BEGUN, {**hour._asdict(), "minute": minute})
        roll_up_slice(connection, day, hour, Slice(minute, number, slices))
        if number + 1 < slices:
            _leave(connection, hour, (minute, number + 1, slices, None))


def _divide(connection: Connection, hour: StalePeriod, minute: int) -> tuple[int, int]:
    """Returns the events of a slice of a minute, and into how many slices it is divided."""
    start, end = minute_bounds(hour, minute)
    bounds = {**bounds_of(hour), "from": start, "until": end}
    events = count_events(connection, bounds, SLICES_MAX * days.SLICE_EVENTS_MAX)
    slices = 1
    while slices < SLICES_MAX and slices * days.SLICE_EVENTS_MAX < events:
        slices *= 2
    return events // slices, slices


def take_day(connection: Connection, day: LargeDay, period: StalePeriod, *, is_step: bool) -> None:
    """Rolls up the sums of a day, or how users count in its comebacks."""
    rows = {user_ref for *_, user_ref in _take(connection, period, is_step=is_step)}
    if is_step:
        after = min(user_ref or 0 for user_ref in rows)
        arguments = {**bounds_of(period), "after": after, "users_max": USERS_MAX}
        statement = _ACTIVE if period.zone == UTC_ZONE else _NEAR
        users = [user_ref for (user_ref,) in run(connection, statement, arguments)]
        if len(users) == USERS_MAX:
            _leave(connection, period, (None, 0, None, users[-1]))
    else:
        if None in rows:  # anybody's, as a worker of an earlier version marks it
            _leave(connection, period, (None, 0, None, 0))
        named = sorted(user_ref for user_ref in rows if user_ref)
        users = named[:USERS_MAX]
        for user_ref in named[USERS_MAX:]:
            _leave(connection, period, (None, None, None, user_ref))
        if not day.recounting:
            sum_day(connection, period)
    roll_up_users(connection, day, period, users)


def _all_minutes(connection: Connection, bounds: dict[str, object]) -> list[int]:
    """Returns the minutes of an hour that have events."""
    return [minute for (minute,) in run(connection, _MINUTES, bounds)]


def _take(connection: Connection, period: StalePeriod, *, is_step: bool) -> list[Row]:
    arguments = {**period._asdict(), "is_step": is_step}
    return run(connection, _TAKE, arguments).fetchall()


def _leave(connection: Connection, period: StalePeriod, row: Row) -> None:
    run(connection, _LEAVE, (*period[:4], *row))
