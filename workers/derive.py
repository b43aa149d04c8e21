"""Decisions from committed facts: where users came from, their sessions and active days.

    concerned users → lock → tails and clicks → decide (pure) → write what differs

Runs after the transaction that committed the facts, for every user of the batch, whether a fact was
new or not: a crash between the two loses no decision, because the batch is delivered again. Of an
event and a click that are handled at the same moment by two workers, the one that commits last sees
both.
"""

from collections.abc import Iterator, Mapping, Sequence

from shared.database import Connection, look_ups
from shared.events import Event
from workers.click_search import load_clicks
from workers.core.decision import decide
from workers.decisions import Rules, write_decisions
from workers.differences import difference
from workers.history import load_cases
from workers.users import concerned_users, lock_users

USERS_MAX = 500  # of one transaction: others wait for the locks


def derive(connection: Connection, events: Sequence[Event]) -> Rules:
    """Decide what these events may have changed; new attributions by rule. Raises DatabaseError."""
    with look_ups(connection):
        earliest_ms = concerned_users(connection, events)
    rules = Rules()
    for users in _chunks(sorted(earliest_ms)):
        rules += derive_users(connection, {user: earliest_ms[user] for user in users})
    return rules


def derive_users(connection: Connection, earliest_ms: Mapping[int, int]) -> Rules:
    """Decide for these users from these moments (Unix milliseconds) on, in one transaction."""
    with look_ups(connection):
        users = lock_users(connection, earliest_ms)
        cases = load_cases(connection, users, earliest_ms)
        clicks = load_clicks(connection, cases)
        return write_decisions(
            connection,
            [
                difference(case, decide(case.tail, clicks.get(case.user.id, ()), case.rules))
                for case in cases
            ],
        )


def _chunks(users: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(users), USERS_MAX):
        yield users[start : start + USERS_MAX]
