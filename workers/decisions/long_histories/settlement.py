"""Tells whether what stands behind a window still holds. Pure.

What is decided behind a moment depends on the attribution in force, the last session and the time
of the last signal there, and on no other decision. If these are as they were, everything behind
stands. A session that only counts more or fewer signals is the same one: the difference is added to
it and to the marks that repeat it.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from workers.core.attribution import Attribution
from workers.core.decision import Decision
from workers.core.history import Moment
from workers.core.sessions import Session
from workers.decisions.load_history import UserCase
from workers.decisions.long_histories.unfinished_decisions import EVERYTHING_MS, Unfinished
from workers.decisions.long_histories.windows import Window


class SessionShift(NamedTuple):
    """A difference in what a session counts that goes beyond its window.

    `end_ms` is the end of the window; the session itself is part of it if it `continues` there.
    """

    start: Moment
    end_ms: int
    opens: int
    events: int
    continues: bool


class WindowOutcome(msgspec.Struct, frozen=True):
    """What follows from a window: where the decision goes on, None if nowhere, or what is shifted.

    `running` is the start of the session that goes on behind the window: its row holds what it is
    there too, and is not written by this window.
    """

    unfinished: Unfinished | None = None
    shift: SessionShift | None = None
    running: Moment | None = None


FINISHED = WindowOutcome()


def settle(case: UserCase, decision: Decision, window: Window) -> WindowOutcome:
    """Compares the state at the end of a window with the one that what stands behind it is from."""
    if window.end_ms is None:
        return FINISHED
    so_far = window.so_far
    last = _last_session(case, decision)
    running = None
    if last is not None and not window.is_gap:
        goes_on = window.end_ms - last.last_activity_ms < case.rules.session_timeout_ms
        running = last.start if goes_on else None
    is_changed = _changes_standing(case.stored.attributions, decision.attributions)
    is_changed |= so_far is not None and so_far.is_changed
    ended = {it.start for it in case.stored.sessions} - {it.start for it in decision.sessions}
    if window.may_settle and not is_changed and not ended:
        settled = _settled(last, window, window.end_ms, running)
        if settled is not None:
            return settled
    unfinished = Unfinished(
        from_ms=window.end_ms,
        # Another attribution may win or lose what follows, and tells it anew.
        latest_ms=EVERYTHING_MS if is_changed else window.latest_ms,
        is_changed=is_changed,
        withheld=so_far.withheld if so_far else None,
        withheld_before_ms=so_far.withheld_before_ms if so_far else 0,
    )
    return WindowOutcome(unfinished, running=running)


def _settled(
    now: Session | None, window: Window, end_ms: int, running: Moment | None
) -> WindowOutcome | None:
    """Returns what follows if everything behind the window stands, None if it may not."""
    mark = window.mark
    if mark is None:
        return FINISHED if window.is_gap else None
    if not mark.is_exact or not (window.is_gap or mark.time_ms == end_ms):
        return None
    before = mark.session
    if before is None or now is None:
        return FINISHED if before is now else None
    if before.start.time_ms >= end_ms:
        return FINISHED  # no mark behind knows of a session inside
    if before.start != now.start or before.last_activity_ms != now.last_activity_ms:
        return None
    opens, events = now.opens - before.opens, now.events - before.events
    shift = SessionShift(now.start, end_ms, opens, events, continues=running is not None)
    return WindowOutcome(shift=shift, running=running)


def _last_session(case: UserCase, decision: Decision) -> Session | None:
    return decision.sessions[-1] if decision.sessions else case.tail.last_session


def _changes_standing(before: Iterable[Attribution], after: Iterable[Attribution]) -> bool:
    return set(map(_standing, before)) != set(map(_standing, after))


def _standing(attribution: Attribution) -> tuple[object, ...]:
    """Returns what an attribution is to the signals behind it."""
    return (
        attribution.moment,
        attribution.rule,
        attribution.click_id,
        attribution.origin,
        attribution.is_reattribution,
    )
