"""Determines the hours and days whose rollups a change of decisions makes stale.

A user's attribution counts in every later hour in which they were active, and their first origin in
all of their days. How long they had been inactive before a day depends on the previous active day;
where any event makes a day active, on the previous day with a signal.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from workers.core.days import utc_day
from workers.core.rules import DAY_MS
from workers.decisions.diff import Difference
from workers.rollups.stale_periods import MINUTE_MS, StalePeriod, day_period, hour_of


def touched_periods(differences: Iterable[Difference]) -> Iterator[StalePeriod]:
    """Yields the hours and days that these changes touch."""
    for difference in differences:
        case = difference.case
        app, environment = case.user.app_id, case.user.environment
        touched = {time_ms // MINUTE_MS for time_ms in _touched_times(difference)}
        hours = [hour_of(app, environment, minute * MINUTE_MS) for minute in touched]
        yield from hours
        changed = {*difference.new_days, *difference.removed_days}
        if any(not is_reattribution for _, is_reattribution in difference.credits):
            changed.update(difference.active_days)
        in_order = pairwise(sorted({*changed, *difference.active_days}))
        # The days with signals after that of the change; most tails have none.
        first, numbers = case.start_ms // DAY_MS, {s.time_ms // DAY_MS for s in case.tail.signals}
        changed.update(utc_day(number * DAY_MS) for number in numbers if number > first)
        changed |= {after for before, after in in_order if before in changed}
        # A rollup of an hour includes what its users do to the day.
        for day in changed - {hour.start.date() for hour in hours}:
            yield day_period(app, environment, day, case.user.id)


def _touched_times(difference: Difference) -> Iterator[int]:
    """Yields the times of events that another source is credited with, and of session starts."""
    credited_ms = [time_ms for time_ms, _ in difference.credits]
    if credited_ms:
        yield from credited_ms
        from_ms = min(credited_ms)
        yield from (it.time_ms for it in difference.case.tail.signals if it.time_ms >= from_ms)
    yield from (session.start.time_ms for session in difference.begun)
    yield from (start.time_ms for start in difference.ended)
