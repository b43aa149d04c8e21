"""Determines the hours and days whose rollups a change of decisions makes stale.

A user's attribution counts in every later hour in which they were active, and their first origin in
all of their days. How long they had been inactive before a day depends on the previous active day;
where any event makes a day active, on the previous day with a signal.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from shared.zones.app_days import UTC_ZONE, AppDays
from workers.core.days import utc_day
from workers.core.rules import DAY_MS
from workers.core.sessions import Session
from workers.decisions.diff import Difference
from workers.rollups.stale_periods import MINUTE_MS, StalePeriod, day_period, hour_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def touched_periods(differences: Iterable[Difference]) -> Iterator[StalePeriod]:
    """Yields the hours and days that these changes touch."""
    for difference in differences:
        case = difference.case
        app, environment = case.user.app_id, case.user.environment
        touched = {time_ms // MINUTE_MS for time_ms in _touched_times(difference)}
        hours = [hour_of(app, environment, minute * MINUTE_MS) for minute in touched]
        yield from hours
        if case.zone != UTC_ZONE:
            of_hours = {_local_day(case.zone, minute * MINUTE_MS) for minute in touched}
            for day in _changed_local_days(difference) - of_hours:
                yield day_period(app, environment, day, case.user.id)
            continue
        changed = {*difference.new_days, *difference.removed_days}
        if _may_change_first_origin(difference):
            changed.update(difference.active_days)
        in_order = pairwise(sorted({*changed, *difference.active_days, *difference.next_active}))
        # The days with signals after that of the change; most tails have none.
        first, numbers = case.start_ms // DAY_MS, {s.time_ms // DAY_MS for s in case.tail.signals}
        if case.end_ms is not None:
            numbers.add(case.end_ms // DAY_MS)
        changed.update(utc_day(number * DAY_MS) for number in numbers if number > first)
        changed |= {after for before, after in in_order if before in changed}
        # A rollup of an hour includes what its users do to the day.
        for day in changed - {hour.start.date() for hour in hours}:
            yield day_period(app, environment, day, case.user.id)


def _changed_local_days(difference: Difference) -> set[date]:
    """Returns the days of the app's zone on which the user counts in another way.

    Those with signals after that of the change, and those that sessions no longer reach or now do.
    """
    case, zone = difference.case, difference.case.zone
    running = () if case.tail.last_session is None else (case.tail.last_session,)
    before = _session_days(zone, (*running, *case.stored.sessions))
    after = _session_days(zone, (*running, *difference.decision.sessions))
    first = _local_day(zone, case.start_ms)
    signalled = {_local_day(zone, signal.time_ms) for signal in case.tail.signals}
    changed = before ^ after
    if case.end_ms is not None:
        end = _local_day(zone, case.end_ms)
        changed = {day for day in changed if day <= end}
        # The next active day is known in UTC, which overlaps with its neighbours.
        around = [day + timedelta(days=off) for day in difference.next_active for off in (-1, 0, 1)]
        signalled.update({end}, around)
    changed |= {day for day in signalled if day > first}
    if _may_change_first_origin(difference):
        changed |= after
    return changed


def _may_change_first_origin(difference: Difference) -> bool:
    return difference.follows_change or any(
        not is_reattribution for _, is_reattribution in difference.credits
    )


def _session_days(zone: str, sessions: Iterable[Session]) -> set[date]:
    return {
        day
        for session in sessions
        for day in _days_between(
            _local_day(zone, session.start.time_ms), _local_day(zone, session.last_activity_ms)
        )
    }


def _days_between(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _local_day(zone: str, time_ms: int) -> date:
    return AppDays(zone).day_of(_EPOCH + timedelta(milliseconds=time_ms))


def _touched_times(difference: Difference) -> Iterator[int]:
    """Yields the times of events that another source is credited with, and of session starts."""
    credited_ms = [time_ms for time_ms, _ in difference.credits]
    if difference.follows_change:
        yield from (signal.time_ms for signal in difference.case.tail.signals)
    elif credited_ms:
        yield from credited_ms
        from_ms = min(credited_ms)
        yield from (it.time_ms for it in difference.case.tail.signals if it.time_ms >= from_ms)
    yield from (session.start.time_ms for session in difference.begun)
    yield from (start.time_ms for start in difference.ended)
