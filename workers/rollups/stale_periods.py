"""Hours and days whose figures may no longer say what the facts say.

Whoever changes facts or decisions notes the periods of event time that it touched, in the same
transaction; a job counts them anew (`schedule`). Notes are only ever added here, several
for one period if need be, so that nobody waits for anybody.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec

from shared.database import Connection, run

HOUR_MS = 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MARK = """
INSERT INTO stale_periods (app_id, environment, grain, start)
SELECT app_id, environment, grain, start FROM json_to_recordset(%s::json)
    AS sent (app_id bigint, environment text, grain text, start timestamptz)
"""

# By the index from hour to hour, instead of reading every event; and hours that were counted once.
_MARK_APP = """
WITH RECURSIVE hours AS (
    SELECT environment, (
        SELECT date_trunc('hour', min(event_time), 'UTC') FROM events
        WHERE events.app_id = %(app_id)s AND events.environment = place.environment
    ) AS hour
    FROM unnest(ARRAY['production', 'sandbox']) AS place (environment)
    UNION ALL
    SELECT environment, (
        SELECT date_trunc('hour', min(event_time), 'UTC') FROM events
        WHERE events.app_id = %(app_id)s AND events.environment = hours.environment
          AND event_time >= hours.hour + interval '1 hour'
    )
    FROM hours WHERE hour IS NOT NULL
)
INSERT INTO stale_periods (app_id, environment, grain, start)
SELECT %(app_id)s, environment, 'hour', hour FROM hours WHERE hour IS NOT NULL
UNION
SELECT app_id, environment, grain, start FROM counted_periods
WHERE app_id = %(app_id)s AND grain = 'hour'
"""


class Grain(StrEnum):
    """How long a period is. A day is counted after an hour of it was."""

    HOUR = "hour"
    DAY = "day"


class StalePeriod(NamedTuple):
    """An hour or a day (UTC, of event time) of an app."""

    app_id: int
    environment: str
    grain: Grain
    start: datetime


def hour_of(app_id: int, environment: str, time_ms: int) -> StalePeriod:
    """The hour of a moment, Unix milliseconds."""
    return StalePeriod(app_id, environment, Grain.HOUR, _start_of(time_ms // HOUR_MS))


def day_period(app_id: int, environment: str, day: date) -> StalePeriod:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return StalePeriod(app_id, environment, Grain.DAY, start)


@lru_cache(maxsize=4096)
def _start_of(hour: int) -> datetime:
    """Made once: this runs for each event, nearly always of the same few hours."""
    return _EPOCH + timedelta(hours=hour)


def mark_stale(connection: Connection, periods: Iterable[StalePeriod]) -> None:
    """In the transaction that changed something in them."""
    rows = [period._asdict() for period in set(periods)]
    if rows:
        run(connection, _MARK, (msgspec.json.encode(rows).decode(),))


def mark_app_stale(connection: Connection, app_id: int) -> None:
    """Every period of an app: all its figures are counted anew."""
    run(connection, _MARK_APP, {"app_id": app_id})
