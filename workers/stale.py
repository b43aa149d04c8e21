"""Which hours and days a change of decisions touches: those whose figures have to be counted anew.

A user's credit counts in every hour in which they did something since, and who they are credited to
first in all of their days. How long they had been away on a day depends on the active day before.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from shared.stale_periods import Period, day_period, hour_of
from workers.history import Case


@dataclass(frozen=True, slots=True)
class Written:
    """Rows that are new or gone, each beginning with its user's number, then: of an attribution,
    its time and whether it is a reattribution; of a session, its start; of activity, its day.
    Times are Unix milliseconds."""

    attributions: Iterable[tuple[int, int, bool]]
    sessions: Iterable[tuple[int, int]]
    days: Iterable[tuple[int, date]]


def touched(
    cases: Mapping[int, Case], active_days: Mapping[int, Sequence[date]], written: Written
) -> Iterator[Period]:
    """`active_days`: from the start of the tail on, as they stand now, in order."""
    for user_ref, time_ms, _ in written.attributions:
        yield from _since(cases[user_ref], time_ms)
    for user_ref, time_ms in written.sessions:
        yield _hour(cases[user_ref], time_ms)
    yield from _days(cases, active_days, written)


def _since(case: Case, time_ms: int) -> Iterator[Period]:
    yield _hour(case, time_ms)
    for signal in case.tail.signals:
        if signal.time_ms >= time_ms:
            yield _hour(case, signal.time_ms)


def _days(
    cases: Mapping[int, Case], active_days: Mapping[int, Sequence[date]], written: Written
) -> Iterator[Period]:
    changed: defaultdict[int, set[date]] = defaultdict(set)
    for user_ref, day in written.days:
        changed[user_ref].add(day)
    for user_ref, _, is_reattribution in written.attributions:
        if not is_reattribution:
            changed[user_ref].update(active_days[user_ref])
    for user_ref, days in changed.items():
        user = cases[user_ref].user
        in_order = pairwise(sorted({*days, *active_days[user_ref]}))
        for day in days | {after for before, after in in_order if before in days}:
            yield day_period(user.app_id, user.environment, day)


def _hour(case: Case, time_ms: int) -> Period:
    return hour_of(case.user.app_id, case.user.environment, time_ms)
