"""Decisions from committed facts: where users came from, their sessions and active days.

    concerned users → chunks → decisions about each chunk's users (`user_decisions`)

Runs after the transaction that committed the facts, for every user of the batch, whether a fact was
new or not: a crash between the two loses no decision, because the batch is delivered again. Of an
event and a click that are handled at the same moment by two workers, the one that commits last sees
both. A user whose decision fails is set aside and holds up nobody else.
"""

from collections.abc import Iterator, Sequence

from shared.database import Connection, DatabaseError, index_only, sqlstate
from shared.events import Event
from workers.core.decision import decide as decide_by_rules
from workers.core.faults import Disposition, disposition
from workers.decisions.affected_users import affected_users
from workers.decisions.load_history import BEGINNING_MS
from workers.decisions.user_decisions import Decide, UserDecisions
from workers.decisions.write import Rules
from workers.facts.quarantine import quarantined

USERS_MAX = 500  # of one transaction: others wait for the locks


def derive(
    connection: Connection, events: Sequence[Event], decide: Decide = decide_by_rules
) -> Rules:
    """Decide what these events may have changed; new attributions by rule.

    Raises DatabaseError for what is no user's fault.
    """
    earliest_ms = _concerned(connection, events)
    decisions = UserDecisions(connection, decide)
    rules = Rules()
    for users in _chunks(sorted(earliest_ms)):
        rules += decisions.make({user: earliest_ms[user] for user in users})
    return rules


def derive_anew(
    connection: Connection, users: Sequence[int], decide: Decide = decide_by_rules
) -> Rules:
    """Decide these users from the beginning, at most USERS_MAX, also those who are set aside."""
    decisions = UserDecisions(connection, decide, second_try=True)
    return decisions.make(dict.fromkeys(users, BEGINNING_MS))


def _concerned(connection: Connection, events: Sequence[Event]) -> dict[int, int]:
    """Find whom these events concern; what PostgreSQL has refused to store concerns nobody.

    It stands in quarantine by now, and the values that it was refused for may break a look-up too.
    """
    try:
        with index_only(connection):
            return affected_users(connection, events)
    except DatabaseError as fault:
        if disposition(sqlstate(fault)) is not Disposition.ISOLATE:
            raise
        if len(events) == 1:
            if not quarantined(connection, [events[0].receipt]):
                raise
            return {}
    middle = len(events) // 2
    first, second = _concerned(connection, events[:middle]), _concerned(connection, events[middle:])
    return {
        user: min(found[user] for found in (first, second) if user in found)
        for user in first | second
    }


def _chunks(users: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(users), USERS_MAX):
        yield users[start : start + USERS_MAX]
