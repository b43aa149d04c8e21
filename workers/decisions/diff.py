"""Compares a user's stored decisions with the new ones. Pure.

`beaten` and `considered` are part of a decision: a late click that only lost changes the reasons,
but nobody's credit.
"""

from datetime import date
from functools import cached_property

import msgspec

from workers.core.attribution import Attribution
from workers.core.days import utc_day, utc_days
from workers.core.decision import Decision
from workers.core.history import Moment
from workers.core.sessions import RunMark, Session, marks_of
from workers.decisions.load_history import UserCase
from workers.decisions.long_histories.settlement import FINISHED, WindowOutcome, settle
from workers.decisions.run_marks import MARK_SIGNALS


class Difference(msgspec.Struct, frozen=True, dict=True):  # the active days are kept
    """The changes to a user's decisions.

    `ended` sessions no longer exist, `begun` ones are new, `changed` ones are longer or shorter.
    `credits` are the moments from which another click or source is credited, each with whether it
    is a reattribution. `outcome` tells what follows for the history behind the tail, if there is
    any.
    """

    case: UserCase
    decision: Decision
    superseded: tuple[Attribution, ...]
    attributed: tuple[Attribution, ...]
    credits: tuple[tuple[int, bool], ...]
    ended: tuple[Moment, ...]
    begun: tuple[Session, ...]
    changed: tuple[Session, ...]
    outcome: WindowOutcome = FINISHED

    @cached_property
    def active_days(self) -> tuple[date, ...]:
        """Returns the days of the tail and of the session before it, which may share one."""
        last = self.case.tail.last_session
        sessions = self.decision.sessions if last is None else (last, *self.decision.sessions)
        days = {
            day
            for session in sessions
            for day in utc_days(session.start.time_ms, session.last_activity_ms)
        }
        first = utc_day(self.case.start_ms)  # stored days were loaded from here on
        return tuple(sorted(day for day in days if day >= first))

    @property
    def is_of_known(self) -> bool:
        """Tells whether there was a decision about the user before."""
        return self.case.tail.prior is not None or bool(self.case.stored.attributions)

    @property
    def user_ref(self) -> int:
        """Returns the number of the user's row."""
        return self.case.user.id

    @property
    def start_ms(self) -> int:
        """Returns the start of the tail in Unix milliseconds."""
        return self.case.start_ms

    @property
    def end_ms(self) -> int | None:
        """Returns the end of the tail, None if it is that of the history."""
        return self.case.end_ms

    @property
    def marks(self) -> list[RunMark]:
        """Returns the marks of the tail's runs."""
        tail, timeout_ms = self.case.tail, self.case.rules.session_timeout_ms
        goes_on = bool(tail.signals) and self.case.is_marked
        return marks_of(
            tail.signals,
            timeout_ms,
            tail.last_session,
            MARK_SIGNALS,
            is_marked=goes_on and tail.signals[0].time_ms - tail.last_signal_ms < timeout_ms,
            end_ms=self.end_ms,
        )

    @property
    def may_have_marks(self) -> bool:
        """Tells whether there may be marks in the tail.

        Before the first of a run there are many signals, unless these have expired.
        """
        return (
            self.case.is_marked
            or self.case.window is not None
            or self.case.user.kept_before_ms is not None
            or len(self.case.tail.signals) >= MARK_SIGNALS
        )

    @property
    def new_days(self) -> list[date]:
        """Returns the active days that are not stored yet."""
        return [day for day in self.active_days if day not in self.case.stored.days]

    @property
    def removed_days(self) -> frozenset[date]:
        """Returns the stored days that are no longer active; what a tail ends in may be still."""
        gone = self.case.stored.days.difference(self.active_days)
        if self.end_ms is None:
            return gone
        end = utc_day(self.end_ms)
        return frozenset(day for day in gone if day < end)

    @property
    def next_active(self) -> list[date]:
        """Returns the next stored day with a session where the tail ends, if there is one."""
        if self.end_ms is None:
            return []
        end = utc_day(self.end_ms)
        return sorted(day for day in self.case.stored.days if day >= end)[:1]

    @property
    def follows_change(self) -> bool:
        """Tells whether another attribution may be in force at the start than was before."""
        window = self.case.window
        return window is not None and window.so_far is not None and window.so_far.is_changed

    @property
    def changes_user(self) -> bool:
        """Tells whether the user's row changes: their first time or their ids.

        A tail that starts after the first signal leaves the first time as it is.
        """
        user, first = self.case.user, self.decision.first
        is_first_changed = first is not None and first.time_ms != user.first_ms
        return is_first_changed or self.decision.identity != user.known


def diff(case: UserCase, decision: Decision) -> Difference:
    """Compares the decision with what is stored of the user."""
    stored = case.stored
    outcome = FINISHED if case.window is None else settle(case, decision, case.window)
    superseded = stored.attributions.difference(decision.attributions)
    attributed = [
        attribution
        for attribution in decision.attributions
        if attribution not in stored.attributions
    ]
    starts_before = {session.start for session in stored.sessions}
    starts = {session.start for session in decision.sessions}
    other = [session for session in decision.sessions if session not in stored.sessions]
    changed_credits = set(map(_credit, superseded)) ^ set(map(_credit, attributed))
    return Difference(
        case=case,
        decision=decision,
        superseded=tuple(superseded),
        attributed=tuple(attributed),
        credits=tuple((moment.time_ms, is_again) for moment, *_, is_again in changed_credits),
        ended=tuple(starts_before - starts),
        begun=tuple(session for session in other if session.start not in starts_before),
        changed=tuple(
            session
            for session in other
            if session.start in starts_before and session.start != outcome.running
        ),
        outcome=outcome,
    )


def _credit(attribution: Attribution) -> tuple[Moment, object, object, bool]:
    return (
        attribution.moment,
        attribution.origin,
        attribution.click_id,
        attribution.is_reattribution,
    )
