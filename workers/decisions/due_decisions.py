"""Notes users whose decisions are due and for whom a drain has no time (`decide_due`).

Their facts are stored. A user becomes due in the transaction that found them, or after facts that
are delivered again until it has happened, so that none is missed.
"""

from collections.abc import Collection, Mapping, Sequence

from shared.database import Connection, run
from workers.sql.json_rows import json_document, write_rows

Due = tuple[int, int, int]  # user, from when (Unix milliseconds), and the number of requests

# In the order of the users, so that two workers wait for one another instead of deadlocking.
ADD_DUE = """
INSERT INTO due_decisions (user_ref, from_ms)
SELECT user_ref, min(from_ms) FROM due GROUP BY user_ref ORDER BY user_ref
ON CONFLICT (user_ref) DO UPDATE SET
    from_ms = least(due_decisions.from_ms, excluded.from_ms),
    requests = due_decisions.requests + 1
"""
_POSTPONE = f"""
WITH due AS (
    SELECT user_ref, from_ms FROM json_to_recordset(%s::json) AS sent (
        user_ref bigint, from_ms bigint
    )
)
{ADD_DUE}
"""
_NEXT = """
SELECT user_ref, from_ms, requests FROM due_decisions WHERE user_ref > %s
ORDER BY user_ref LIMIT %s
"""
# Who became due once more meanwhile stays: what they are due for may not have been seen.
_REMOVE = """
DELETE FROM due_decisions USING json_to_recordset(%s::json) AS sent (
    user_ref bigint, requests integer
)
WHERE due_decisions.user_ref = sent.user_ref AND due_decisions.requests = sent.requests
"""


_EXISTING = "SELECT id FROM users WHERE id = ANY(%s) AND detached_at IS NULL"


def postpone(connection: Connection, earliest_ms: Mapping[int, int]) -> None:
    """Notes users who are to be decided from these moments (Unix milliseconds) on."""
    rows: list[dict[str, object]] = [
        {"user_ref": user, "from_ms": from_ms} for user, from_ms in earliest_ms.items()
    ]
    write_rows(connection, _POSTPONE, rows)


def postpone_locked(
    connection: Connection, earliest_ms: Mapping[int, int], locked: Collection[int]
) -> set[int]:
    """Notes those of these users whom somebody else has locked: they exist and are not `locked`."""
    missing = [user for user in earliest_ms if user not in locked]
    if not missing:
        return set()
    found = {user for (user,) in run(connection, _EXISTING, (missing,))}
    postpone(connection, {user: earliest_ms[user] for user in found})
    return found


def next_due_decisions(connection: Connection, after: int, count: int) -> list[Due]:
    """Returns the next users who are due, in the order of their numbers, behind this one."""
    rows = run(connection, _NEXT, (after, count))
    return [(user, from_ms, requests) for user, from_ms, requests in rows]


def remove_due(connection: Connection, decided: Sequence[Due]) -> int:
    """Removes users who were decided, unless they have become due once more since; counts them."""
    rows: list[dict[str, object]] = [
        {"user_ref": user, "requests": requests} for user, _, requests in decided
    ]
    return run(connection, _REMOVE, (json_document(rows),)).rowcount
