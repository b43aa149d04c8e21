"""Decides the users who are due, some at a time, one worker at a time.

A transaction decides few users, so that a drain that needs one of them waits a fraction of a second
for the lock. Who is locked by somebody else stays due. A job ends when its time is up, and the rest
waits for the next.
"""

import time
from dataclasses import dataclass

from shared.database import Connection, run
from workers.core.decision import decide as decide_by_rules
from workers.decisions.due_decisions import next_due_decisions, remove_due
from workers.decisions.user_decisions import Decide, UserDecisions

DUE_USERS_MAX = 50  # in a transaction
_LOCK = 7_246_005


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
    if run(connection, "SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() != (True,):
        return DecidedDue(0, more=False)
    try:
        decisions = UserDecisions(connection, decide, waits=False)
        users = last = 0
        removed = 0  # since the first of them
        while True:
            due = next_due_decisions(connection, last, DUE_USERS_MAX)
            if not due and not removed:
                return DecidedDue(users, more=False)
            if not due:
                # A decision may make users due who come before it. Those who stay are locked.
                last = removed = 0
                continue
            decisions.make({user: from_ms for user, from_ms, _ in due})
            removed += remove_due(connection, due)
            users, last = users + len(due), due[-1][0]
            if time.monotonic() >= ends_at:
                return DecidedDue(users, more=True)
    finally:
        run(connection, "SELECT pg_advisory_unlock(%s)", (_LOCK,))
