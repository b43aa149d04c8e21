"""What differs between what stands of a user and what was decided. Pure.

`beaten` and `considered` are part of a decision: a late click that only lost changes the reasons,
but nobody's credit.
"""

from datetime import date

import msgspec

from workers.core.attribution import Attribution
from workers.core.days import utc_day, utc_days
from workers.core.decision import Decision
from workers.core.history import Moment
from workers.core.sessions import Session
from workers.decisions.load_history import UserCase


class Difference(msgspec.Struct, frozen=True):
    """Of one user. `ended` sessions are gone, `begun` ones new, `changed` ones longer or shorter.

    `credits` are the moments from which on another click or source is credited, each with whether
    it is a reattribution. `active_days` are all from the start of the tail on, in order.
    """

    case: UserCase
    decision: Decision
    superseded: tuple[Attribution, ...]
    attributed: tuple[Attribution, ...]
    credits: tuple[tuple[int, bool], ...]
    ended: tuple[Moment, ...]
    begun: tuple[Session, ...]
    changed: tuple[Session, ...]
    active_days: tuple[date, ...]

    @property
    def new_days(self) -> list[date]:
        return [day for day in self.active_days if day not in self.case.standing.days]

    @property
    def forgotten_days(self) -> frozenset[date]:
        return self.case.standing.days.difference(self.active_days)

    @property
    def changes_user(self) -> bool:
        """A tail after the first signal says nothing of when that was."""
        user, first = self.case.user, self.decision.first
        is_first_other = first is not None and first.time_ms != user.first_ms
        return is_first_other or self.decision.identity != user.known


def diff(case: UserCase, decision: Decision) -> Difference:
    standing = case.standing
    superseded = standing.attributions.difference(decision.attributions)
    attributed = [one for one in decision.attributions if one not in standing.attributions]
    starts_before = {session.start for session in standing.sessions}
    starts = {session.start for session in decision.sessions}
    other = [one for one in decision.sessions if one not in standing.sessions]
    changed_credits = {_credit(one) for one in superseded} ^ {_credit(one) for one in attributed}
    return Difference(
        case=case,
        decision=decision,
        superseded=tuple(superseded),
        attributed=tuple(attributed),
        credits=tuple((moment.time_ms, is_again) for moment, *_, is_again in changed_credits),
        ended=tuple(starts_before - starts),
        begun=tuple(one for one in other if one.start not in starts_before),
        changed=tuple(one for one in other if one.start in starts_before),
        active_days=_active_days(case, decision),
    )


def _credit(attribution: Attribution) -> tuple[Moment, object, object, bool]:
    one = attribution
    return (one.moment, one.origin, one.click_id, one.is_reattribution)


def _active_days(case: UserCase, decision: Decision) -> tuple[date, ...]:
    """Of the tail's sessions, and of the one before it, which may share the tail's first day."""
    last = case.tail.last_session
    sessions = decision.sessions if last is None else (last, *decision.sessions)
    days = {
        day
        for session in sessions
        for day in utc_days(session.start.time_ms, session.last_activity_ms)
    }
    first = utc_day(case.start_ms)  # what stands is known from here on
    return tuple(sorted(day for day in days if day >= first))
