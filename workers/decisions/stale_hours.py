"""Which hours and days a change of decisions touches: those whose figures have to be counted anew.

A user's credit counts in every hour in which they did something since, and who they are credited to
first in all of their days. How long they had been away on a day depends on the active day before.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from workers.decisions.diff import Difference
from workers.decisions.load_history import UserCase
from workers.rollups.stale_periods import StalePeriod, day_period, hour_of


def touched(differences: Iterable[Difference]) -> Iterator[StalePeriod]:
    for each in differences:
        for time_ms, _ in each.credits:
            yield from _since(each.case, time_ms)
        for start in (*(session.start for session in each.begun), *each.ended):
            yield _hour(each.case, start.time_ms)
        yield from _days(each)


def _since(case: UserCase, time_ms: int) -> Iterator[StalePeriod]:
    yield _hour(case, time_ms)
    for signal in case.tail.signals:
        if signal.time_ms >= time_ms:
            yield _hour(case, signal.time_ms)


def _days(each: Difference) -> Iterator[StalePeriod]:
    changed = {*each.new_days, *each.forgotten_days}
    if any(not is_reattribution for _, is_reattribution in each.credits):
        changed.update(each.active_days)
    user = each.case.user
    in_order = pairwise(sorted({*changed, *each.active_days}))
    for day in changed | {after for before, after in in_order if before in changed}:
        yield day_period(user.app_id, user.environment, day)


def _hour(case: UserCase, time_ms: int) -> StalePeriod:
    return hour_of(case.user.app_id, case.user.environment, time_ms)
