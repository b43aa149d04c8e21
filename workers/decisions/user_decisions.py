"""Decisions about users, made so that one whose decision fails keeps nobody waiting.

    lock → tails and clicks → decide (pure) → write what differs, all in one transaction

Where the pure part raises for a user, they are set aside in the same transaction, and the others'
decisions are written with it. Where reading or writing raises, nobody can tell whose row it was:
the transaction is rolled back and the users halved until the one at fault is alone. What is no
user's fault, such as a connection that broke, is raised, and the same is tried again.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from shared.database import Connection, DatabaseError, index_only, sqlstate
from shared.rq_queue import JobTimeout
from workers.core.decision import Decision, Tail
from workers.core.faults import Disposition, disposition
from workers.core.history import Click
from workers.core.rules import Rules as CoreRules
from workers.decisions.affected_users import User, lock_users
from workers.decisions.candidate_clicks import Clicks, load_clicks
from workers.decisions.diff import Difference, diff
from workers.decisions.load_history import UserCase, load_cases
from workers.decisions.set_aside_users import Failure, set_aside, set_aside_among, take_out
from workers.decisions.write import Rules, write_decisions
from workers.job_errors import described

Decide = Callable[[Tail, tuple[Click, ...], CoreRules], Decision]

_log = logging.getLogger(__name__)


class UserDecisions(msgspec.Struct, frozen=True):
    """How users are decided. `second_try`: those who are set aside too, and then from the beginning
    of everybody's history; else they are left out.
    """

    connection: Connection
    decide: Decide
    second_try: bool = False

    def make(self, earliest_ms: Mapping[int, int]) -> Rules:
        """Decide these users from these moments (Unix milliseconds) on; new attributions by rule.

        Raises DatabaseError for what is no user's fault.
        """
        try:
            return self._together(earliest_ms)
        except Exception as fault:
            if not _concerns_one_user(fault):
                raise
            return self._halved(earliest_ms, fault)

    def _together(self, earliest_ms: Mapping[int, int]) -> Rules:
        with index_only(self.connection) as connection:
            users = self._take(lock_users(connection, earliest_ms))
            cases = load_cases(connection, users, earliest_ms)
            clicks = load_clicks(connection, cases)
            differences, failures = self._decided(cases, clicks)
            self._note(earliest_ms, failures)
            rules = write_decisions(connection, differences)
        _report(failures)
        return rules

    def _take(self, users: Sequence[User]) -> Sequence[User]:
        if self.second_try:
            return users
        aside = set_aside_among(self.connection, [user.id for user in users])
        return [user for user in users if user.id not in aside]

    def _decided(
        self, cases: Sequence[UserCase], clicks: Clicks
    ) -> tuple[list[Difference], list[Failure]]:
        differences, failures = [], []
        for case in cases:
            try:
                decision = self.decide(case.tail, clicks.get(case.user.id, ()), case.rules)
                differences.append(diff(case, decision))
            except Exception as fault:
                if not _concerns_one_user(fault):
                    raise
                failures.append(Failure(case.user.id, fault))
        return differences, failures

    def _note(self, users: Iterable[int], failures: Sequence[Failure]) -> None:
        """Set aside who failed; whoever else was asked for leaves, users that are gone as well."""
        set_aside(self.connection, failures)
        if self.second_try:
            failed = {each.user for each in failures}
            take_out(self.connection, [user for user in users if user not in failed])

    def _halved(self, earliest_ms: Mapping[int, int], fault: Exception) -> Rules:
        users = sorted(earliest_ms)
        if len(users) == 1:
            self._set_aside_alone(Failure(users[0], fault))
            return Rules()
        middle = len(users) // 2
        halves = (users[:middle], users[middle:])
        first, second = (self.make({user: earliest_ms[user] for user in half}) for half in halves)
        return first + second

    def _set_aside_alone(self, failure: Failure) -> None:
        with index_only(self.connection) as connection:
            lock_users(connection, [failure.user])
            set_aside(connection, [failure])
        _report([failure])


def _concerns_one_user(fault: Exception) -> bool:
    """Tell whether one of many may be to blame: not when PostgreSQL or the job's time ended."""
    if isinstance(fault, DatabaseError):
        return disposition(sqlstate(fault)) is not Disposition.RETRY
    return not isinstance(fault, JobTimeout)


def _report(failures: Sequence[Failure]) -> None:
    """Name them by number, once it is committed; a fault's own words may quote what was sent."""
    for each in failures:
        _log.error(
            "user %d is set aside: the decision failed with %s", each.user, described(each.fault)
        )
