"""Decides users in such a way that a user whose decision fails delays nobody else.

    lock → tails and clicks → decide (pure) → write what differs, all in one transaction

If the pure part raises for a user, that user is set aside in the same transaction, which also
writes the decisions of the others. If reading or writing raises, the row at fault is unknown: the
transaction is rolled back and the users are halved until the user at fault is alone. An error that
no user caused, such as a broken connection, is raised, and the same work is retried.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

import msgspec

from shared.database import Connection, DatabaseError, index_only, sqlstate
from shared.rq_queue import JobTimeout
from workers.core.decision import Decision, Tail
from workers.core.faults import is_locked
from workers.core.history import Click
from workers.core.rules import Rules as CoreRules
from workers.decisions.affected_users import lock_users
from workers.decisions.candidate_clicks import Clicks, load_clicks
from workers.decisions.coupling.click_uses import (
    Ledger,
    load_credits,
    lock_credits,
    write_uses,
)
from workers.decisions.coupling.newcomers import count_newcomers
from workers.decisions.diff import Difference, diff
from workers.decisions.due_decisions import postpone_locked
from workers.decisions.load_history import UserCase, load_cases
from workers.decisions.long_histories.continuing import (
    leave_to_unfinished,
    note_unfinished,
    scope_of,
)
from workers.decisions.long_histories.unfinished_decisions import load_unfinished
from workers.decisions.outbox import write_callbacks
from workers.decisions.set_aside_users import Failure, clear_set_aside, set_aside, set_aside_among
from workers.decisions.wide_identifiers import exclude_matched, exclude_named
from workers.decisions.write import Rules, write_decisions
from workers.job_errors import describe
from workers.patient_database import is_retryable

Decide = Callable[[Tail, tuple[Click, ...], CoreRules], Decision]

_log = logging.getLogger(__name__)


class UserDecisions(msgspec.Struct, frozen=True):
    """The way in which a drain or a retry decides users.

    Users who are set aside are skipped. With `retry` they are decided as well, from the beginning
    of everybody's history. Callbacks that become due are recorded and not sent if a reason to
    withhold them is given. Users whom somebody else has locked for long, or at all without `waits`,
    become due (`due_decisions`). Of a history that is too long one window is decided; with
    `continues` the next one, of users who have an unfinished decision (`long_histories`).
    """

    connection: Connection
    decide: Decide
    retry: bool = False
    callbacks_withheld: str | None = None
    waits: bool = True
    continues: bool = False

    def make(
        self, earliest_ms: Mapping[int, int], latest_ms: Mapping[int, int] | None = None
    ) -> Rules:
        """Decides users from these moments (Unix milliseconds) on; counts attributions by rule.

        Nothing behind a user's moment in `latest_ms` is in question by itself. Raises DatabaseError
        for an error that no user caused.
        """
        latest_ms = {} if latest_ms is None else latest_ms
        try:
            return self._decide_together(earliest_ms, latest_ms, waits=self.waits)
        except Exception as error:
            if self.waits and isinstance(error, DatabaseError) and is_locked(sqlstate(error)):
                return self._decide_together(earliest_ms, latest_ms, waits=False)
            if not _may_be_caused_by_user(error):
                raise
            failure = error
        users = sorted(earliest_ms)
        if len(users) == 1:
            failures = [Failure(users[0], failure)]
            with index_only(self.connection) as connection:
                lock_users(connection, users)
                set_aside(connection, failures)
            log_failures(failures)
            return Rules()
        middle = len(users) // 2
        halves = (users[:middle], users[middle:])
        first, second = (
            self.make({user: earliest_ms[user] for user in half}, latest_ms) for half in halves
        )
        return first + second

    def _decide_together(
        self, wanted_ms: Mapping[int, int], latest_ms: Mapping[int, int], *, waits: bool
    ) -> Rules:
        """Decides users in one transaction; sets aside those whose decision fails."""
        earliest_ms = dict(wanted_ms)
        with index_only(self.connection) as connection:
            users = lock_users(connection, earliest_ms, waits=waits)
            users = lock_credits(connection, users, waits=waits)
            away = set()
            if not waits and not self.continues:
                away = postpone_locked(connection, earliest_ms, {user.id for user in users})
            if not self.retry:
                aside = set_aside_among(connection, [user.id for user in users])
                users = [user for user in users if user.id not in aside]
            begun = load_unfinished(connection, [user.id for user in users])
            if self.continues:
                users = [user for user in users if user.id in begun]
                earliest_ms = {user.id: begun[user.id].from_ms for user in users}
            earliest_ms = earliest_ms | {
                user.id: max(earliest_ms[user.id], user.kept_before_ms)
                for user in users
                if user.kept_before_ms is not None
            }
            scope = scope_of(begun, latest_ms, continues=self.continues)
            if begun and not self.continues:
                left = leave_to_unfinished(connection, begun, earliest_ms, latest_ms)
                users = [user for user in users if user.id not in left]
            cases = load_cases(connection, users, earliest_ms, scope)
            cases = exclude_named(connection, cases)
            clicks = load_clicks(connection, cases)
            cases = exclude_matched(connection, cases, clicks)
            cases = count_newcomers(connection, cases, clicks)
            ledger = load_credits(connection, cases, clicks)
            differences, failures = self._decide_cases(cases, clicks, ledger)
            set_aside(connection, failures)
            if self.retry:
                # Everybody else is no longer set aside, including users that no longer exist.
                failed = {failure.user for failure in failures} | away
                clear_set_aside(connection, [user for user in earliest_ms if user not in failed])
            rules = write_decisions(connection, differences)
            note_unfinished(connection, differences, begun, self.callbacks_withheld)
            write_uses(connection, differences)
            write_callbacks(connection, differences, earliest_ms, self.callbacks_withheld)
        log_failures(failures)
        return rules

    def _decide_cases(
        self, cases: Sequence[UserCase], clicks: Clicks, ledger: Ledger
    ) -> tuple[list[Difference], list[Failure]]:
        differences, failures = [], []
        for case in ledger.in_order(cases):
            try:
                candidates = clicks.by_user.get(case.user.id, ())
                decision = self.decide(ledger.tail_of(case, candidates), candidates, case.rules)
                ledger.note(case, decision)
                differences.append(diff(case, decision))
            except Exception as error:
                if not _may_be_caused_by_user(error):
                    raise
                failures.append(Failure(case.user.id, error))
        return differences, failures


def _may_be_caused_by_user(error: Exception) -> bool:
    """Tells whether a user's data may have caused it: not if PostgreSQL or the job's time ended."""
    if isinstance(error, DatabaseError):
        return not is_retryable(error)
    return not isinstance(error, JobTimeout)


def log_failures(failures: Sequence[Failure]) -> None:
    """Logs users by number, after the commit; the text of an error may quote what was sent."""
    for failure in failures:
        _log.error(
            "user %d is set aside: the decision failed with %s",
            failure.user,
            describe(failure.error),
        )
