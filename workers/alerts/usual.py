"""Decides what is out of the ordinary: pure."""

from collections.abc import Sequence

from shared.alerts.kinds import HOUR_COUNT_MIN, HOUR_FACTOR

USUAL_DAYS = 7  # to which the same time of the day is compared
_USUAL_DAYS_MIN = 4  # of these with events at this time
_FLOW_WINDOWS_MIN = 12  # of a younger app, one after the other without a gap


def is_silent_though_usual(
    was_active: Sequence[bool], had_events: Sequence[bool], flow: Sequence[bool]
) -> bool:
    """Tells whether an app that has been silent for a window usually has events then.

    `was_active` and `had_events` are of the days before: any event at all, and any in the same
    window. An app without so many days is judged by its `flow`: the windows before this one.
    """
    if sum(was_active) >= _USUAL_DAYS_MIN:
        return sum(had_events) >= _USUAL_DAYS_MIN
    return len(flow) >= _FLOW_WINDOWS_MIN and all(flow)


def is_up(count: int, usual: float | None, others: int) -> bool:
    """Tells whether so many within an hour are far more than usual.

    Where nobody knows yet what is usual, a tenth of what went well (`others`) is too much.
    """
    if count < HOUR_COUNT_MIN:
        return False
    return count * 10 >= others if usual is None else count >= HOUR_FACTOR * usual
