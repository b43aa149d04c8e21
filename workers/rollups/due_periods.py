"""Lists the periods that are due: those marked as stale that do not rest.

A list is read once and worked off for a moment, because reading it costs as much for one period as
for hundreds. Meanwhile other workers work off the same list, so whoever has locked an app asks
again (`is_due`) whether the period is still to be rolled up.
"""

import time
from collections.abc import Collection, Iterator

from shared.database import Connection, run
from workers.rollups.stale_periods import Grain, StalePeriod

STALE_ROWS_MAX = 5_000  # more are folded into one for each minute, or for each period
FAILURE_REST_SECONDS = 600
LISTED_MAX = 500
LIST_SECONDS_MAX = 0.5  # so that newer periods wait no longer for older ones

# A period whose events have expired keeps its rollups, whatever arrives late.
_DELETE_EXPIRED = """
DELETE FROM stale_periods USING retention
WHERE retention.app_id = stale_periods.app_id AND start < counted_before
"""

# An import in random order marks a thousand minutes with each batch. Periods with a single row stay
# as they are, or many thousands of them would be written again each time.
_FOLD_ROWS = """
WITH repeated AS MATERIALIZED (
    SELECT app_id, environment, grain, start FROM stale_periods
    WHERE slice IS NULL AND (SELECT count(*) FROM stale_periods WHERE slice IS NULL) > %(rows_max)s
    GROUP BY app_id, environment, grain, start
    HAVING count(*) > 1
), folded AS (
    DELETE FROM stale_periods AS stale USING repeated
    WHERE (stale.app_id, stale.environment, stale.grain, stale.start)
        = (repeated.app_id, repeated.environment, repeated.grain, repeated.start)
      AND slice IS NULL
    RETURNING stale.app_id, stale.environment, stale.grain, stale.start, minute, user_ref
), distinct_rows AS MATERIALIZED (
    SELECT DISTINCT * FROM folded
), remaining AS MATERIALIZED (
    SELECT (SELECT count(*) FROM stale_periods WHERE slice IS NULL)
         - (SELECT count(*) FROM folded) + (SELECT count(*) FROM distinct_rows) AS count
)
INSERT INTO stale_periods (app_id, environment, grain, start, minute, user_ref)
SELECT * FROM distinct_rows WHERE (SELECT count FROM remaining) <= %(rows_max)s
UNION ALL
SELECT DISTINCT app_id, environment, grain, start, NULL::smallint, NULL::bigint
FROM distinct_rows WHERE (SELECT count FROM remaining) > %(rows_max)s
"""

# By the time of the statement: `clock_timestamp()` would be asked of each pair of rows, so that
# PostgreSQL could not join them by a hash. A step rests only after a failure.
_RESTS = """
statement_timestamp() < rests_until
AND (NOT %(is_step)s OR counted_at IS NULL
     OR rests_until >= counted_at + %(failure_rest)s * interval '1 second')
"""

_DUE = f"""
SELECT app_id, environment, grain, start
FROM (
    SELECT DISTINCT app_id, environment, grain, start FROM stale_periods
    WHERE (slice IS NOT NULL) = %(is_step)s AND app_id <> ALL(%(busy_apps)s)
) AS marked
WHERE NOT EXISTS (
    SELECT FROM retention WHERE retention.app_id = marked.app_id AND marked.start < counted_before
) AND NOT EXISTS (
    SELECT FROM counted_periods AS counted
    WHERE (counted.app_id, counted.environment, counted.grain, counted.start)
        = (marked.app_id, marked.environment, marked.grain, marked.start)
      AND {_RESTS}
)
ORDER BY grain DESC, start DESC, random()
LIMIT %(count)s
"""

_IS_DUE = f"""
SELECT EXISTS (
    SELECT FROM stale_periods
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
      AND start = %(start)s AND (slice IS NOT NULL) = %(is_step)s
) AND NOT EXISTS (
    SELECT FROM counted_periods
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
      AND start = %(start)s AND {_RESTS}
)
"""


def tidy(connection: Connection) -> None:
    """Deletes what marks expired periods, and folds many rows of a period into few."""
    run(connection, _DELETE_EXPIRED)
    run(connection, _FOLD_ROWS, {"rows_max": STALE_ROWS_MAX})


def due_periods(
    connection: Connection, busy_apps: Collection[int], *, is_step: bool
) -> Iterator[StalePeriod]:
    """Yields what is due, hours before days and the newest first, until nothing is.

    Leaves out the apps that the caller adds to `busy_apps`. Each period that is yielded has to be
    rolled up, be put to rest, or have its app added, or it is yielded again.
    """
    while listed := _list(connection, busy_apps, is_step=is_step):
        fresh_until = time.monotonic() + LIST_SECONDS_MAX
        for period in listed:
            if period.app_id in busy_apps:
                continue
            yield period
            if time.monotonic() >= fresh_until:
                break


def is_due(connection: Connection, period: StalePeriod, *, is_step: bool) -> bool:
    """Tells whether a period of a list is still due, in a transaction that has locked its app."""
    arguments = {**period._asdict(), "is_step": is_step, "failure_rest": FAILURE_REST_SECONDS}
    [(still_due,)] = run(connection, _IS_DUE, arguments)
    return bool(still_due)


def _list(
    connection: Connection, busy_apps: Collection[int], *, is_step: bool
) -> list[StalePeriod]:
    arguments = {
        "is_step": is_step,
        "busy_apps": list(busy_apps),
        "failure_rest": FAILURE_REST_SECONDS,
        "count": LISTED_MAX,
    }
    return [
        StalePeriod(app_id, environment, Grain(grain), start)
        for app_id, environment, grain, start in run(connection, _DUE, arguments)
    ]
