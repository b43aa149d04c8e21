"""Derives decisions from committed facts: attributions, sessions and active days of users.

    affected users → chunks → decisions about the users of each chunk (`user_decisions`)

The users of the events come first. What takes too long, and whoever else is concerned beyond a
number, is noted as due and decided by a job of its own (`due_decisions`), for which nobody waits.

Runs after the transaction that committed the facts, for every user of the batch, whether a fact was
new or not: a crash between the two loses no decision, because the batch is delivered again. If two
workers handle an event and a click at the same moment, the one that commits last sees both. A user
whose decision fails is set aside and delays nobody else.
"""

import time
from collections.abc import Sequence

from shared.database import Connection, DatabaseError, index_only, sqlstate
from shared.errors import WaybillError
from shared.events import Event
from workers.core.decision import decide as decide_by_rules
from workers.core.faults import Disposition, disposition
from workers.decisions.affected_users import AffectedUsers, affected_users, lock_users
from workers.decisions.click_callbacks import write_click_callbacks
from workers.decisions.due_decisions import postpone
from workers.decisions.set_aside_users import Failure, set_aside
from workers.decisions.signal_tails import BEGINNING_MS
from workers.decisions.user_decisions import Decide, UserDecisions, log_failures
from workers.decisions.wide_identifiers import mark_lent
from workers.decisions.write import Rules
from workers.facts.quarantine import find_quarantined

USERS_MAX = 500  # in a transaction: other workers wait for the locks
OTHERS_MAX = 1_000  # decided at once besides the users of the events themselves
DECIDE_SECONDS_MAX = 5.0  # then no other transaction is begun; a job has a minute


class WorkerDied(WaybillError):
    """A worker died of a decision; it names the fault of the users who were set aside for it."""

    code = "worker_died"


def derive(
    connection: Connection, events: Sequence[Event], decide: Decide = decide_by_rules
) -> Rules:
    """Decides everything that these events may have changed; counts new attributions by rule.

    Raises DatabaseError for an error that no user caused.
    """
    ends_at = time.monotonic() + DECIDE_SECONDS_MAX
    write_click_callbacks(connection, events)
    mark_lent(connection, events)
    affected = _affected_users(connection, events)
    earliest_ms, latest_ms = affected.all, affected.latest_ms
    others = sorted(affected.others.keys() - affected.own.keys())
    users = [*sorted(affected.own), *others[:OTHERS_MAX]]
    decisions = UserDecisions(connection, decide)
    rules = Rules()
    for start in range(0, len(users), USERS_MAX):
        if start and time.monotonic() >= ends_at:
            others = [*users[start:], *others[OTHERS_MAX:]]
            break
        chunk = users[start : start + USERS_MAX]
        rules += decisions.make({user: earliest_ms[user] for user in chunk}, latest_ms)
    else:
        others = others[OTHERS_MAX:]
    postpone(connection, {user: earliest_ms[user] for user in others})
    return rules


def rederive(
    connection: Connection,
    users: Sequence[int],
    decide: Decide = decide_by_rules,
    callbacks_withheld: str | None = None,
) -> Rules:
    """Decides users from their whole history, at most USERS_MAX, including those set aside."""
    decisions = UserDecisions(connection, decide, True, callbacks_withheld)
    return decisions.make(dict.fromkeys(users, BEGINNING_MS))


def set_aside_affected(connection: Connection, events: Sequence[Event]) -> None:
    """Sets aside everybody whom these events may concern: nobody knows who killed the worker."""
    users = sorted(_affected_users(connection, events).all)
    for start in range(0, len(users), USERS_MAX):
        chunk = users[start : start + USERS_MAX]
        with index_only(connection):
            locked = lock_users(connection, chunk)
            fault = WorkerDied("a worker died of the decision")
            failures = [Failure(user.id, fault) for user in locked]
            set_aside(connection, failures)
        log_failures(failures)


def _affected_users(connection: Connection, events: Sequence[Event]) -> AffectedUsers:
    """Finds the users that these events affect, ignoring events that PostgreSQL refused to store.

    Those are in quarantine by now, and the values that they were refused for may break the lookup
    as well: then the events are halved until the event at fault is alone.
    """
    try:
        with index_only(connection):
            return affected_users(connection, events)
    except DatabaseError as error:
        if disposition(sqlstate(error)) is not Disposition.ISOLATE:
            raise
        if len(events) == 1:
            if not find_quarantined(connection, [events[0].receipt]):
                raise
            return AffectedUsers()
    middle = len(events) // 2
    first = _affected_users(connection, events[:middle])
    return first | _affected_users(connection, events[middle:])
