"""Rolls up one hour or one day of an app from the current facts and decisions.

An event belongs to the attribution in force at its moment, so it is counted under the origin that
its user is attributed to. The result replaces the earlier rollups, so that rolling up twice changes
nothing. Everything happens in the caller's transaction, with a constant number of statements,
whatever the period holds.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.database import Connection, run
from shared.day_files.rows import EventsOfTime
from shared.ids import receipt_floor
from shared.zones.app_days import UTC_ZONE
from workers.rollups.stale_periods import Grain, StalePeriod
from workers.sql.files import read_sql

_AHEAD = timedelta(days=1)  # how far before its event time an event may be received

BELONGS = read_sql(__package__, "belongs.sql")
HOUR_FIGURES = read_sql(__package__, "hour_figures.sql")
SEEN = read_sql(__package__, "seen.sql")
_REACH = read_sql(__package__, "reach.sql")
_INSERT_EARNINGS = read_sql(__package__, "earnings.sql")
_COMEBACKS = read_sql(__package__, "comebacks.sql")
_INSERT_COMEBACKS = f"WITH {read_sql(__package__, 'active_utc.sql')}, {_COMEBACKS}"
_INSERT_ZONE_COMEBACKS = f"WITH {read_sql(__package__, 'active_zone.sql')}, {_COMEBACKS}"
_INSERT_HOUR = f"WITH {BELONGS}, {HOUR_FIGURES}, {SEEN}, {_REACH}"
_INSERT_REACH = f"WITH {BELONGS}, {SEEN}, {_REACH}"
_INSERT_INSTALLS = read_sql(__package__, "hour_installs.sql")
_INSERT_CLICKS = read_sql(__package__, "hour_clicks.sql")
_SUM_FIGURES_UP = read_sql(__package__, "figure_sums.sql")
_SUM_TRAFFIC_UP = read_sql(__package__, "traffic_sums.sql")
_SUM_PLACES_UP = read_sql(__package__, "place_sums.sql")
_SUM_EARNINGS_UP = read_sql(__package__, "earning_sums.sql")

_DELETE = """
DELETE FROM {table}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start = %(start)s
"""

# Clicks that have expired are not there to be counted again.
_DELETE_TRAFFIC = """
DELETE FROM traffic
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
  AND start = %(start)s
  AND (part = 'credited' OR NOT EXISTS (
      SELECT FROM retention WHERE app_id = %(app_id)s AND %(start)s < clicks_counted_before
  ))
"""

_DELETE_COMEBACKS = """
DELETE FROM comebacks
WHERE app_id = %(app_id)s AND environment = %(environment)s
  AND since IN ('first', 'last', 'first_event', 'last_event') AND day = %(start)s::date
"""

_DELETE_EARNINGS = """
DELETE FROM earnings
WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(start)s::date
"""

_SUM_DAY = """
INSERT INTO figures (
    app_id, environment, grain, start, event, link_id, source, campaign, country, currency,
    events, amount, value, installs, reattributions, sessions, unverified
)
SELECT
    app_id, environment, 'day', %(start)s, event, link_id, source, campaign, country, currency,
    sum(events), sum(amount), sum(value), sum(installs), sum(reattributions), sum(sessions),
    sum(unverified)
FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
  AND start >= %(from)s AND start < %(until)s
GROUP BY app_id, environment, event, link_id, source, campaign, country, currency
"""

_SUM_TRAFFIC = """
INSERT INTO traffic (
    app_id, environment, grain, start, part, link_id, source, campaign, sub_id,
    clicks, impressions, click_installs, view_installs,
    delay_ms, delay_10s, delay_1m, delay_1h, delay_1d, delay_7d, delay_more
)
SELECT
    app_id, environment, 'day', %(start)s, part, link_id, source, campaign, sub_id,
    sum(clicks), sum(impressions), sum(click_installs), sum(view_installs),
    sum(delay_ms), sum(delay_10s), sum(delay_1m), sum(delay_1h), sum(delay_1d), sum(delay_7d),
    sum(delay_more)
FROM traffic
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
  AND start >= %(from)s AND start < %(until)s
GROUP BY app_id, environment, part, link_id, source, campaign, sub_id
"""


def roll_up_hour(connection: Connection, hour: StalePeriod) -> None:
    """Rolls up the figures and reach of an hour, and the sums of its day."""
    bounds = _bounds(hour)
    run(connection, _DELETE.format(table="figures"), bounds)
    run(connection, _DELETE.format(table="reach"), bounds)
    run(connection, _INSERT_HOUR, bounds)
    sum_figures(connection, hour)
    roll_up_traffic(connection, hour)
    sum_day(connection, hour.day)


def roll_up_traffic(connection: Connection, hour: StalePeriod) -> None:
    """Rolls up the clicks and installs of an hour, however many there are, and those of its day."""
    roll_up_hour_traffic(connection, hour)
    sum_traffic(connection, hour.day)


def roll_up_hour_traffic(connection: Connection, hour: StalePeriod) -> None:
    """Rolls up the clicks and installs of an hour, and leaves its day as it is."""
    bounds = _bounds(hour)
    run(connection, _DELETE_TRAFFIC, bounds)
    run(connection, _INSERT_INSTALLS, bounds)
    run(connection, _INSERT_CLICKS, bounds)
    run(connection, _SUM_TRAFFIC_UP, bounds)


def sum_traffic(connection: Connection, day: StalePeriod) -> None:
    """Replaces the clicks and installs of a day by the sums of its hours."""
    bounds = _bounds(day)
    run(connection, _DELETE.format(table="traffic"), bounds)
    run(connection, _SUM_TRAFFIC, bounds)
    run(connection, _SUM_TRAFFIC_UP, bounds)


def sum_day(connection: Connection, day: StalePeriod) -> None:
    """Replaces the figures of a day by the sums of its hours."""
    bounds = _bounds(day)
    run(connection, _DELETE.format(table="figures"), bounds)
    run(connection, _SUM_DAY, bounds)
    sum_figures(connection, day)


def sum_figures(connection: Connection, period: StalePeriod) -> None:
    """Replaces what is added up of the figures of an hour or a day."""
    bounds = _bounds(period)
    run(connection, _SUM_FIGURES_UP, bounds)
    if period.grain == Grain.DAY:
        run(connection, _SUM_PLACES_UP, bounds)


def roll_up_day(connection: Connection, day: StalePeriod) -> None:
    """Rolls up the reach, comebacks and earnings of a day; its sums are updated with its hours."""
    bounds = _bounds(day)
    run(connection, _DELETE.format(table="reach"), bounds)
    run(connection, _INSERT_REACH, bounds)
    run(connection, _DELETE_COMEBACKS, bounds)
    is_utc = day.zone == UTC_ZONE
    run(connection, _INSERT_COMEBACKS if is_utc else _INSERT_ZONE_COMEBACKS, bounds)
    roll_up_earnings(connection, day)


def roll_up_earnings(connection: Connection, day: StalePeriod) -> None:
    """Rolls up what users paid on a day."""
    bounds = _bounds(day)
    run(connection, _DELETE_EARNINGS, bounds)
    run(connection, _INSERT_EARNINGS, bounds)
    run(connection, _SUM_EARNINGS_UP, bounds)


def events_of(period: StalePeriod) -> EventsOfTime:
    """Returns the events that are read to roll a period up."""
    begin, end = period.bounds
    return EventsOfTime(period.app_id, period.environment, begin, end)


def range_of(
    bounds: Mapping[str, Any], slice_number: int = 0, slices: int = 1, minute: int | None = None
) -> dict[str, object]:
    """Returns the arguments of `belongs`: which events it reads, of all or some of the users."""
    from_ms = int((bounds["from"] - _AHEAD).timestamp()) * 1000
    return {
        "first_receipt": receipt_floor(from_ms),
        "slice": slice_number,
        "slices": slices,
        "minute": minute,
    }


def _bounds(period: StalePeriod) -> dict[str, object]:
    begin, end = period.bounds
    bounds = {
        "app_id": period.app_id,
        "environment": period.environment,
        "grain": period.grain,
        "start": period.start,
        "from": begin,
        "until": end,
        "zone": period.zone,
    }
    return bounds | range_of(bounds)
