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
from workers.decisions.run_marks import MARK_SIGNALS


class Difference(msgspec.Struct, frozen=True, dict=True):  # the active days are kept
    """The changes to a user's decisions.

    `ended` sessions no longer exist, `begun` ones are new, `changed` ones are longer or shorter.
    `credits` are the moments from which another click or source is credited, each with whether it
    is a reattribution.
    """

    case: UserCase
    decision: Decision
    superseded: tuple[Attribution, ...]
    attributed: tuple[Attribution, ...]
    credits: tuple[tuple[int, bool], ...]
    ended: tuple[Moment, ...]
    begun: tuple[Session, ...]
    changed: tuple[Session, ...]

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
    def marks(self) -> list[RunMark]:
        """Returns the marks of the tail's runs."""
        tail, timeout_ms = self.case.tail, self.case.rules.session_timeout_ms
        return marks_of(tail.signals, timeout_ms, tail.last_session, MARK_SIGNALS)

    @property
    def new_days(self) -> list[date]:
        """Returns the active days that are not stored yet."""
        return [day for day in self.active_days if day not in self.case.stored.days]

    @property
    def removed_days(self) -> frozenset[date]:
        """Returns the stored days that are no longer active."""
        return self.case.stored.days.difference(self.active_days)

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
        changed=tuple(session for session in other if session.start in starts_before),
    )


def _credit(attribution: Attribution) -> tuple[Moment, object, object, bool]:
    return (
        attribution.moment,
        attribution.origin,
        attribution.click_id,
        attribution.is_reattribution,
    )
