"""Rolls up a slice: an hour, a minute of it, or some of the users of a minute.

The figures of a slice add up with those of others. The distinct users of its hour and day, and the
comebacks of the day, change by what is different of its users now.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from shared.database import Connection, run
from shared.zones.app_days import UTC_ZONE
from workers.rollups.aggregate import BELONGS, HOUR_FIGURES, SEEN, range_of
from workers.rollups.large_days.days import LargeDay, bounds_of, minute_bounds
from workers.rollups.stale_periods import StalePeriod
from workers.sql.files import read_sql

_SLOTS = 61  # of an hour: itself, and its minutes

_ROLL_UP = f"WITH {BELONGS}, {HOUR_FIGURES}, {SEEN}, {read_sql(__package__, 'slice.sql')}"
_CHANGE_REACH = read_sql(__package__, "reach_changes.sql")
_CHANGES = read_sql(__package__, "comeback_changes.sql")
_CHANGE_COMEBACKS = f"WITH {read_sql(__package__, 'active_utc.sql')}, {_CHANGES}"
_CHANGE_ZONE_COMEBACKS = f"WITH {read_sql(__package__, 'active_zone.sql')}, {_CHANGES}"

_CREATE_USERS = """
CREATE TEMPORARY TABLE IF NOT EXISTS slice_users (user_ref bigint) ON COMMIT DELETE ROWS
"""
_CREATE_EVENTS = """
CREATE TEMPORARY TABLE IF NOT EXISTS slice_events (
    user_ref bigint, event text, partner_id bigint, link_id bigint, source text, campaign text,
    country text
) ON COMMIT DELETE ROWS
"""
_CLEAR_USERS = "DELETE FROM slice_users"
_CLEAR_EVENTS = "DELETE FROM slice_events"
_DELETE_FIGURES = """
DELETE FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = 'hour'
  AND start = %(start)s
  AND (minute IS NULL OR %(minute)s::smallint IS NULL OR minute = %(minute)s::smallint)
"""
_LIST_USERS = "INSERT INTO slice_users (user_ref) SELECT unnest(%s::bigint[])"


class Slice(NamedTuple):
    """A part of the events of an hour: of all or one minute, one of `slices` parts of the users."""

    minute: int | None = None
    number: int = 0
    slices: int = 1


def roll_up_slice(connection: Connection, day: LargeDay, hour: StalePeriod, part: Slice) -> None:
    """Rolls up the figures of a slice, and what it changes of its hour and its day."""
    bounds = {**bounds_of(hour), **_state(connection, day), "by_events": True}
    if part.minute is not None:
        bounds["from"], bounds["until"] = minute_bounds(hour, part.minute)
    bounds |= range_of(bounds, slice_number=part.number, slices=part.slices, minute=part.minute)
    if part.number == 0:
        run(connection, _DELETE_FIGURES, bounds)
    run(connection, _ROLL_UP, bounds)
    hour_number = (hour.start - hour.day.bounds[0]) // timedelta(hours=1)
    hour_slot = hour_number * _SLOTS
    slot = hour_slot if part.minute is None else hour_slot + 1 + part.minute
    last_slot = slot if part.minute is not None else hour_slot + _SLOTS - 1
    slots = {"slot": slot, "first_slot": slot, "last_slot": last_slot, "hour_slot": hour_slot}
    run(connection, _CHANGE_REACH, {**bounds, **slots})
    _change_comebacks(connection, hour, bounds)


def roll_up_users(
    connection: Connection, day: LargeDay, period: StalePeriod, users: Sequence[int]
) -> None:
    """Rolls up how some users count in the comebacks of a day."""
    bounds = {**bounds_of(period), **_state(connection, day), "by_events": False}
    run(connection, _LIST_USERS, (list(users),))
    _change_comebacks(connection, period, bounds)


def _change_comebacks(
    connection: Connection, period: StalePeriod, bounds: dict[str, object]
) -> None:
    is_utc = period.zone == UTC_ZONE
    run(connection, _CHANGE_COMEBACKS if is_utc else _CHANGE_ZONE_COMEBACKS, bounds)


def _state(connection: Connection, day: LargeDay) -> dict[str, object]:
    """Empties the tables of the slice, and returns the arguments that name what is kept."""
    run(connection, _CREATE_USERS)
    run(connection, _CREATE_EVENTS)
    run(connection, _CLEAR_USERS)
    run(connection, _CLEAR_EVENTS)
    return {"day_id": day.id, "building": day.building}
