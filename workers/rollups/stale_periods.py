"""Marks hours and days whose rollups may differ from the facts.

A transaction that changes facts or decisions also marks the periods of event time that it touched;
a job rolls them up again (`schedule`). Rows are only ever inserted here, several for a period if
need be, so that no transaction waits for another. A row says which minute of an hour, or which user
of a day: of a large day nothing else is recalculated.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from shared.database import Connection, run
from shared.recompute import Days
from shared.zones.app_days import UTC_ZONE, AppDays
from workers.sql.json_rows import write_rows

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = ("app_id", "environment", "grain", "start", "minute", "user_ref")

_MARK = """
INSERT INTO stale_periods (app_id, environment, grain, start, minute, user_ref)
SELECT app_id, environment, grain, start, minute, user_ref FROM json_to_recordset(%s::json)
    AS sent (
        app_id bigint, environment text, grain text, start timestamptz, minute smallint,
        user_ref bigint
    )
"""

# Uses the index to step from hour to hour, instead of reading every event; includes the hours that
# were rolled up once.
_MARK_APP = """
WITH RECURSIVE hours AS (
    SELECT environment, (
        SELECT date_trunc('hour', min(event_time), 'UTC') FROM events
        WHERE events.app_id = %(app_id)s AND events.environment = listed.environment
          AND event_time >= %(from)s AND event_time < %(until)s
    ) AS hour
    FROM unnest(ARRAY['production', 'sandbox']) AS listed (environment)
    UNION ALL
    SELECT environment, (
        SELECT date_trunc('hour', min(event_time), 'UTC') FROM events
        WHERE events.app_id = %(app_id)s AND events.environment = hours.environment
          AND event_time >= hours.hour + interval '1 hour' AND event_time < %(until)s
    )
    FROM hours WHERE hour IS NOT NULL
)
INSERT INTO stale_periods (app_id, environment, grain, start)
SELECT %(app_id)s, environment, 'hour', hour FROM hours WHERE hour IS NOT NULL
UNION
SELECT app_id, environment, grain, start FROM counted_periods
WHERE app_id = %(app_id)s AND grain = 'hour' AND start >= %(from)s AND start < %(until)s
"""

_REBUILD_LARGE = """
UPDATE large_days SET building = NULL
WHERE app_id = %(app_id)s
  AND day::timestamp AT TIME ZONE 'UTC' >= %(from)s
  AND day::timestamp AT TIME ZONE 'UTC' < %(until)s
"""


class Grain(StrEnum):
    """The length of a period; a day is rolled up after one of its hours was."""

    HOUR = "hour"
    DAY = "day"


class StalePeriod(NamedTuple):
    """An hour or day of an app, by event time.

    `start` is the first moment of an hour; of a day it is midnight UTC of its date, in whatever
    zone the day is counted. `minute` is the one of the hour that changed, and `user_ref` the user
    of the day; without them anything in the period may have. `zone` is that of the app's days, as
    whoever rolls up knows it; nobody else needs it.
    """

    app_id: int
    environment: str
    grain: Grain
    start: datetime
    minute: int | None = None
    user_ref: int | None = None
    zone: str = UTC_ZONE

    @property
    def whole(self) -> "StalePeriod":
        """Returns the hour or day without what changed in it."""
        return self._replace(minute=None, user_ref=None)

    @property
    def local_date(self) -> date:
        """Returns the date of the day, or of the day that the hour belongs to."""
        if self.grain is Grain.DAY or self.zone == UTC_ZONE:
            return self.start.date()
        return AppDays(self.zone).day_of(self.start)

    @property
    def day(self) -> "StalePeriod":
        """Returns the day that an hour belongs to, or the day itself."""
        return day_period(self.app_id, self.environment, self.local_date)._replace(zone=self.zone)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Returns the first moment of the period, and the one after it."""
        days = AppDays(self.zone)
        if self.grain is Grain.HOUR:
            return self.start, days.hour_end(self.start)
        return days.start(self.start.date()), days.end(self.start.date())


def hour_of(app_id: int, environment: str, time_ms: int) -> StalePeriod:
    """Returns the hour of a moment in Unix milliseconds, and its minute."""
    start, minute = _start_of(time_ms // HOUR_MS), time_ms % HOUR_MS // MINUTE_MS
    return StalePeriod(app_id, environment, Grain.HOUR, start, minute)


def day_period(
    app_id: int, environment: str, day: date, user_ref: int | None = None
) -> StalePeriod:
    """Returns the day of a date, of one user or of all."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return StalePeriod(app_id, environment, Grain.DAY, start, None, user_ref)


@lru_cache(maxsize=4096)
def _start_of(hour: int) -> datetime:
    """Converts an hour; cached, because nearly all events are of the same few hours."""
    return _EPOCH + timedelta(hours=hour)


def mark_stale(connection: Connection, periods: Iterable[StalePeriod]) -> None:
    """Marks periods, in the transaction that changed something in them."""
    rows: list[dict[str, object]]
    rows = [dict(zip(_COLUMNS, period, strict=False)) for period in set(periods)]
    write_rows(connection, _MARK, rows)


def mark_app_stale(connection: Connection, app_id: int, days: Days | None = None) -> None:
    """Marks the periods of an app on these days, or all, so that their rollups are recalculated.

    Large days are built again from the facts.
    """
    begin, until = bounds_of(days)
    arguments = {"app_id": app_id, "from": begin, "until": until}
    run(connection, _REBUILD_LARGE, arguments)
    run(connection, _MARK_APP, arguments)


def bounds_of(days: Days | None) -> tuple[datetime, datetime]:
    """Returns the first moment of these days and the one after them; of all that a time can be."""
    if days is None:
        return datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    midnight = datetime.min.time()
    begin, last = (datetime.combine(day, midnight, UTC) for day in days)
    return begin, last + timedelta(days=1)
