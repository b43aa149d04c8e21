"""Schedules the rollup of stale hours and days.

Each transaction rolls up one period, and one worker at a time does so. It deletes the rows of
`stale_periods` that it sees of the period and then aggregates, so that a change made meanwhile
leaves a new row. Then the period rests for ten times as long as it took: the more there is to
aggregate, the smaller its share of a worker. Hours come before days, the newest first.
"""

import time
from dataclasses import dataclass

from shared.database import Connection, DatabaseError, run, sqlstate, transaction
from workers.rollups.aggregate import day_of_hour, roll_up_day, roll_up_hour
from workers.rollups.stale_periods import Grain, StalePeriod, mark_stale

STATEMENT_SECONDS_MAX = 120  # a job has more
REST_TIMES = 10
REST_SECONDS_MIN = 2
FAILURE_REST_SECONDS = 600
STALE_ROWS_MAX = 5_000  # more are folded into one for each period

_LOCK = 7_246_004

# A period whose events have expired keeps its rollups, whatever arrives late.
_DELETE_EXPIRED = """
DELETE FROM stale_periods USING retention
WHERE retention.app_id = stale_periods.app_id AND start < counted_before
"""

_NEXT = """
SELECT app_id, environment, grain, start
FROM (SELECT DISTINCT app_id, environment, grain, start FROM stale_periods) AS marked
WHERE NOT EXISTS (
    SELECT FROM retention WHERE retention.app_id = marked.app_id AND marked.start < counted_before
) AND NOT EXISTS (
    SELECT FROM counted_periods AS counted
    WHERE (counted.app_id, counted.environment, counted.grain, counted.start)
        = (marked.app_id, marked.environment, marked.grain, marked.start)
      AND clock_timestamp() < rests_until
)
ORDER BY grain DESC, start DESC
LIMIT 1
"""

# An import in random order marks a thousand hours with each batch.
_FOLD_ROWS = """
WITH folded AS (
    DELETE FROM stale_periods WHERE (SELECT count(*) FROM stale_periods) > %s
    RETURNING app_id, environment, grain, start
)
INSERT INTO stale_periods (app_id, environment, grain, start)
SELECT DISTINCT app_id, environment, grain, start FROM folded
"""

_DELETE_ROWS = """
DELETE FROM stale_periods WHERE app_id = %s AND environment = %s AND grain = %s AND start = %s
"""

_RECORD_SUCCESS = """
INSERT INTO counted_periods (app_id, environment, grain, start, counted_at, rests_until)
VALUES (%s, %s, %s, %s, now(), clock_timestamp() + %s * interval '1 second')
ON CONFLICT (app_id, environment, grain, start) DO UPDATE SET
    counted_at = excluded.counted_at, rests_until = excluded.rests_until
"""

_RECORD_FAILURE = """
INSERT INTO counted_periods (app_id, environment, grain, start, rests_until)
VALUES (%s, %s, %s, %s, now() + %s * interval '1 second')
ON CONFLICT (app_id, environment, grain, start) DO UPDATE SET rests_until = excluded.rests_until
"""


@dataclass(frozen=True, slots=True)
class RolledUp:
    """The number of periods rolled up, and whether more are due already."""

    periods: int
    more: bool


def roll_up(connection: Connection, seconds_max: float) -> RolledUp:
    """Rolls up due periods until time is up, at least one. Raises DatabaseError.

    A period that fails rests for a while, so that it does not block the others.
    """
    ends_at = time.monotonic() + seconds_max
    periods = 0
    with transaction(connection):
        if _is_alone(connection):
            run(connection, _DELETE_EXPIRED)
            run(connection, _FOLD_ROWS, (STALE_ROWS_MAX,))
    while due := run(connection, _NEXT).fetchone():
        app_id, environment, grain, start = due
        period = StalePeriod(app_id, environment, Grain(grain), start)
        if periods and time.monotonic() >= ends_at:
            return RolledUp(periods, more=True)
        if not _roll_up_period(connection, period):
            break
        periods += 1
    return RolledUp(periods, more=False)


def _roll_up_period(connection: Connection, period: StalePeriod) -> bool:
    """Rolls up a period, unless another worker is rolling up; tells whether it did."""
    try:
        with transaction(connection):
            if not _is_alone(connection):
                return False
            run(connection, f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS_MAX}s'")
            began_at = time.monotonic()
            run(connection, _DELETE_ROWS, period)
            if period.grain is Grain.HOUR:
                roll_up_hour(connection, period)
                mark_stale(connection, [day_of_hour(period)])
            else:
                roll_up_day(connection, period)
            rest_seconds = max(REST_TIMES * (time.monotonic() - began_at), REST_SECONDS_MIN)
            run(connection, _RECORD_SUCCESS, (*period, rest_seconds))
            return True
    except DatabaseError as error:
        if sqlstate(error) is not None:
            run(connection, _RECORD_FAILURE, (*period, FAILURE_REST_SECONDS))
        raise


def wait_for_rollups(connection: Connection) -> None:
    """Waits until the rollup of a period that may be under way has ended."""
    with transaction(connection):
        run(connection, "SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def _is_alone(connection: Connection) -> bool:
    """Takes the lock of rollups until the transaction ends, if no other worker holds it."""
    row = run(connection, "SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchone()
    return row is not None and bool(row[0])
