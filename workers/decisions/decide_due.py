"""Decides the users who are due, some at a time, and long histories, a window at a time, in turns.

One worker does at a time. A transaction decides few users, so that a drain that needs one of them
waits a fraction of a second for the lock. Who is locked by somebody else stays due. A job ends when
its time is up, and the rest waits for the next.
"""

import time
from dataclasses import dataclass

from shared.database import Connection
from shared.shards.advisory_locks import AdvisoryLock, try_lock_session, unlock_session
from workers.core.decision import decide as decide_by_rules
from workers.decisions.due_decisions import next_due_decisions, remove_due
from workers.decisions.long_histories.unfinished_decisions import (
    forget_if_gone,
    next_unfinished,
    version_of_unfinished,
)
from workers.decisions.user_decisions import Decide, UserDecisions

DUE_USERS_MAX = 50  # in a transaction


@dataclass(frozen=True, slots=True)
class DecidedDue:
    """The number of users decided, and whether time was up before the last of them."""

    users: int
    more: bool


def decide_due(
    connection: Connection, seconds_max: float, decide: Decide = decide_by_rules
) -> DecidedDue:
    """Decides who is due until time is up, at least some users. Raises DatabaseError."""
    ends_at = time.monotonic() + seconds_max
    if not try_lock_session(connection, AdvisoryLock.DECIDE_DUE):
        return DecidedDue(0, more=False)
    try:
        users, windows = _DueUsers(connection, decide), _Windows(connection, decide)
        while True:
            more = [turn.take() for turn in (users, windows)]
            if not any(more):
                return DecidedDue(users.decided, more=False)
            if time.monotonic() >= ends_at:
                return DecidedDue(users.decided, more=True)
    finally:
        unlock_session(connection, AdvisoryLock.DECIDE_DUE)


class _DueUsers:
    """The users who are due, in rounds."""

    def __init__(self, connection: Connection, decide: Decide) -> None:
        self.decided = 0
        self._connection = connection
        self._decisions = UserDecisions(connection, decide, waits=False)
        self._last = self._removed = 0  # in this round

    def take(self) -> bool:
        """Decides the next of them; tells whether there may be more."""
        due = next_due_decisions(self._connection, self._last, DUE_USERS_MAX)
        if not due:
            # A decision may make users due who come before it. Those who stay are locked.
            is_again = self._removed > 0
            self._last = self._removed = 0
            return is_again
        self._decisions.make({user: from_ms for user, from_ms, _ in due})
        self._removed += remove_due(self._connection, due)
        self.decided += len(due)
        self._last = due[-1][0]
        return True


class _Windows:
    """The users whose decisions are unfinished, in rounds, so that each gets a window in turn."""

    def __init__(self, connection: Connection, decide: Decide) -> None:
        self._connection = connection
        self._decisions = UserDecisions(connection, decide, waits=False, continues=True)
        self._last = self._advanced = 0  # in this round

    def take(self) -> bool:
        """Decides the next window; tells whether there may be more."""
        found = next_unfinished(self._connection, self._last)
        if found is None:
            is_again = self._advanced > 0  # who did not advance is locked
            self._last = self._advanced = 0
            return is_again
        user, from_ms, version = found
        self._decisions.make({user: from_ms})
        # By what was written: a decision that an ID begins anew may end where it was to go on.
        self._advanced += version_of_unfinished(self._connection, user) != version
        forget_if_gone(self._connection, user)
        self._last = user
        return True
