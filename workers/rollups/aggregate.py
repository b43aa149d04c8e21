"""Rolls up one hour or one day of an app from the current facts and decisions.

An event belongs to the attribution in force at its moment, so it is counted under the origin that
its user is attributed to. The result replaces the earlier rollups, so that rolling up twice changes
nothing. Everything happens in the caller's transaction, with a constant number of statements,
whatever the period holds.
"""

from datetime import timedelta

from shared.database import Connection, run
from shared.ids import receipt_floor
from workers.rollups.stale_periods import Grain, StalePeriod
from workers.sql.files import read_sql

_AHEAD = timedelta(days=1)  # how far before its event time an event may be received
_LENGTHS = {Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}

_BELONGS = read_sql(__package__, "belongs.sql")
_HOUR_FIGURES = read_sql(__package__, "hour_figures.sql")
_REACH = read_sql(__package__, "reach.sql")
_INSERT_COMEBACKS = read_sql(__package__, "comebacks.sql")
_INSERT_HOUR = f"WITH {_BELONGS}, {_HOUR_FIGURES}, {_REACH}"
_INSERT_REACH = f"WITH {_BELONGS}, {_REACH}"

_DELETE = """
DELETE FROM {table}
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start = %(start)s
"""

_DELETE_COMEBACKS = """
DELETE FROM comebacks
WHERE app_id = %(app_id)s AND environment = %(environment)s
  AND since IN ('first', 'last', 'first_event', 'last_event') AND day = %(start)s::date
"""

_SUM_DAY = """
INSERT INTO figures (
    app_id, environment, grain, start, event, link_id, source, campaign, country, currency,
    events, amount, value, installs, reattributions, sessions
)
SELECT
    app_id, environment, 'day', %(start)s, event, link_id, source, campaign, country, currency,
    sum(events), sum(amount), sum(value), sum(installs), sum(reattributions), sum(sessions)
FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
  AND start >= %(start)s AND start < %(end)s
GROUP BY app_id, environment, event, link_id, source, campaign, country, currency
"""


def roll_up_hour(connection: Connection, hour: StalePeriod) -> None:
    """Rolls up the figures and reach of an hour, and the sums of its day."""
    bounds, day = _bounds(hour), _bounds(day_of_hour(hour))
    run(connection, _DELETE.format(table="figures"), bounds)
    run(connection, _DELETE.format(table="reach"), bounds)
    run(connection, _INSERT_HOUR, bounds)
    run(connection, _DELETE.format(table="figures"), day)
    run(connection, _SUM_DAY, day)


def roll_up_day(connection: Connection, day: StalePeriod) -> None:
    """Rolls up the reach and comebacks of a day; its sums are updated with its hours."""
    bounds = _bounds(day)
    run(connection, _DELETE.format(table="reach"), bounds)
    run(connection, _INSERT_REACH, bounds)
    run(connection, _DELETE_COMEBACKS, bounds)
    run(connection, _INSERT_COMEBACKS, bounds)


def day_of_hour(hour: StalePeriod) -> StalePeriod:
    """Returns the day that an hour belongs to."""
    return hour._replace(grain=Grain.DAY, start=hour.start.replace(hour=0))


def _bounds(period: StalePeriod) -> dict[str, object]:
    return {
        "app_id": period.app_id,
        "environment": period.environment,
        "grain": period.grain,
        "start": period.start,
        "end": period.start + _LENGTHS[period.grain],
        "first_receipt": receipt_floor(int((period.start - _AHEAD).timestamp()) * 1000),
    }
