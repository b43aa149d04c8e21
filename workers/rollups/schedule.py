"""Which hours and days are counted anew, and when.

One period a transaction, one worker at a time. It forgets the notes that it sees about the period
(`stale_periods`) and then counts, so that what is changed meanwhile leaves a note. Then
the period rests for ten times as long as it took: the more there is to count, the smaller the share
of a worker that it may have. Hours come before days, the newest first.
"""

import time
from dataclasses import dataclass

from shared.database import Connection, DatabaseError, run, sqlstate, transaction
from workers.rollups.aggregate import day_of, roll_up_day, roll_up_hour
from workers.rollups.stale_periods import Grain, StalePeriod, mark_stale

COUNT_SECONDS_MAX = 120  # of one statement; a job has more
REST_TIMES = 10
REST_SECONDS_MIN = 2
FAULT_REST_SECONDS = 600
NOTES_MAX = 5_000  # more are folded to one a period

_LOCK = 7_246_004

_NEXT = """
SELECT app_id, environment, grain, start
FROM (SELECT DISTINCT app_id, environment, grain, start FROM stale_periods) AS noted
WHERE NOT EXISTS (
    SELECT FROM counted_periods AS counted
    WHERE (counted.app_id, counted.environment, counted.grain, counted.start)
        = (noted.app_id, noted.environment, noted.grain, noted.start)
      AND clock_timestamp() < rests_until
)
ORDER BY grain DESC, start DESC
LIMIT 1
"""

# An import in no order notes a thousand hours with each batch.
_FOLD_NOTES = """
WITH folded AS (
    DELETE FROM stale_periods WHERE (SELECT count(*) FROM stale_periods) > %s
    RETURNING app_id, environment, grain, start
)
INSERT INTO stale_periods (app_id, environment, grain, start)
SELECT DISTINCT app_id, environment, grain, start FROM folded
"""

_FORGET_NOTES = """
DELETE FROM stale_periods WHERE app_id = %s AND environment = %s AND grain = %s AND start = %s
"""

_COUNTED = """
INSERT INTO counted_periods (app_id, environment, grain, start, counted_at, rests_until)
VALUES (%s, %s, %s, %s, now(), clock_timestamp() + %s * interval '1 second')
ON CONFLICT (app_id, environment, grain, start) DO UPDATE SET
    counted_at = excluded.counted_at, rests_until = excluded.rests_until
"""

_FAILED = """
INSERT INTO counted_periods (app_id, environment, grain, start, rests_until)
VALUES (%s, %s, %s, %s, now() + %s * interval '1 second')
ON CONFLICT (app_id, environment, grain, start) DO UPDATE SET rests_until = excluded.rests_until
"""


@dataclass(frozen=True, slots=True)
class RolledUp:
    """How many periods were counted; `more` when others are due already."""

    periods: int
    more: bool


def roll_up(connection: Connection, seconds_max: float) -> RolledUp:
    """Count what is due until time is up, at least one. Raises DatabaseError.

    A period that fails rests for a while, so that it does not keep the others from being counted.
    """
    ends_at = time.monotonic() + seconds_max
    periods = 0
    with transaction(connection):
        if _is_alone(connection):
            run(connection, _FOLD_NOTES, (NOTES_MAX,))
    while (period := _next(connection)) is not None:
        if periods and time.monotonic() >= ends_at:
            return RolledUp(periods, more=True)
        if not _try(connection, period):
            break
        periods += 1
    return RolledUp(periods, more=False)


def _next(connection: Connection) -> StalePeriod | None:
    row = run(connection, _NEXT).fetchone()
    if row is None:
        return None
    app_id, environment, grain, start = row
    return StalePeriod(app_id, environment, Grain(grain), start)


def _try(connection: Connection, period: StalePeriod) -> bool:
    """Whether it was counted: not while another worker counts."""
    try:
        with transaction(connection):
            return _count(connection, period)
    except DatabaseError as fault:
        if sqlstate(fault) is not None:
            run(connection, _FAILED, (*period, FAULT_REST_SECONDS))
        raise


def _count(connection: Connection, period: StalePeriod) -> bool:
    if not _is_alone(connection):
        return False
    run(connection, f"SET LOCAL statement_timeout = '{COUNT_SECONDS_MAX}s'")
    began_at = time.monotonic()
    run(connection, _FORGET_NOTES, period)
    if period.grain is Grain.HOUR:
        roll_up_hour(connection, period)
        mark_stale(connection, [day_of(period)])
    else:
        roll_up_day(connection, period)
    rest_seconds = max(REST_TIMES * (time.monotonic() - began_at), REST_SECONDS_MIN)
    run(connection, _COUNTED, (*period, rest_seconds))
    return True


def _is_alone(connection: Connection) -> bool:
    """Whether no other worker counts, until the transaction ends."""
    row = run(connection, "SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchone()
    return row is not None and bool(row[0])
