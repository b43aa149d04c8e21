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
from workers.decisions.load_history import UserCase
from workers.rollups.stale_periods import StalePeriod, day_period, hour_of


def touched_periods(differences: Iterable[Difference]) -> Iterator[StalePeriod]:
    """Yields the hours and days that these changes touch."""
    for difference in differences:
        case = difference.case
        for time_ms, _ in difference.credits:
            yield _hour(case, time_ms)
            for signal in case.tail.signals:
                if signal.time_ms >= time_ms:
                    yield _hour(case, signal.time_ms)
        for start in (*(session.start for session in difference.begun), *difference.ended):
            yield _hour(case, start.time_ms)
        changed = {*difference.new_days, *difference.removed_days}
        if any(not is_reattribution for _, is_reattribution in difference.credits):
            changed.update(difference.active_days)
        in_order = pairwise(sorted({*changed, *difference.active_days}))
        # The days with signals after that of the change; most tails have none.
        first, numbers = case.start_ms // DAY_MS, {s.time_ms // DAY_MS for s in case.tail.signals}
        changed.update(utc_day(number * DAY_MS) for number in numbers if number > first)
        for day in changed | {after for before, after in in_order if before in changed}:
            yield day_period(case.user.app_id, case.user.environment, day)


def _hour(case: UserCase, time_ms: int) -> StalePeriod:
    return hour_of(case.user.app_id, case.user.environment, time_ms)
