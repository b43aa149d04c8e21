"""Sets aside the users whose decision failed, so that they delay nobody else.

No drain decides a user who is set aside, whatever else arrives: the facts are stored, and the next
retry decides from all of them (`retry_set_aside`, `recompute`). Nothing can be missed: a drain
checks the table after it has locked the user, and so does the retry that removes the user from it.
"""

from collections.abc import Iterable, Sequence

import msgspec

from shared.database import Connection, run
from workers.sql.json_rows import write_rows

_SET_ASIDE = """
INSERT INTO set_aside_users (user_ref, fault)
SELECT user_ref, fault FROM json_to_recordset(%s::json) AS sent (user_ref bigint, fault text)
ON CONFLICT (user_ref) DO UPDATE SET fault = excluded.fault, tried_at = excluded.tried_at
"""

# Selects a range: most of the time there are none, and 500 lookups in an empty index take ten times
# as long as one.
_BETWEEN = "SELECT user_ref FROM set_aside_users WHERE user_ref BETWEEN %s AND %s"

_CLEAR = "DELETE FROM set_aside_users WHERE user_ref = ANY(%s)"

# Counted before the retry: a user whose decision kills the worker is not retried at once and not
# first.
_NEXT = """
UPDATE set_aside_users SET tries = tries + 1, tried_at = now()
WHERE user_ref = (
    SELECT user_ref FROM set_aside_users
    WHERE tried_at <= now() - interval '30 seconds' * 2 ^ least(tries, 7)
    ORDER BY tried_at, user_ref LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING user_ref
"""


class Failure(msgspec.Struct, frozen=True):
    """A user, and the error that their decision raised."""

    user: int
    error: Exception


def set_aside(connection: Connection, failures: Sequence[Failure]) -> None:
    """Sets users aside, in the transaction that holds their locks."""
    rows: list[dict[str, object]] = [
        {"user_ref": failure.user, "fault": type(failure.error).__name__} for failure in failures
    ]
    write_rows(connection, _SET_ASIDE, rows)


def set_aside_among(connection: Connection, users: Sequence[int]) -> set[int]:
    """Finds those of these locked users who are set aside."""
    if not users:
        return set()
    rows = run(connection, _BETWEEN, (min(users), max(users)))
    return {user for (user,) in rows}.intersection(users)


def clear_set_aside(connection: Connection, users: Iterable[int]) -> None:
    """Lets drains decide users again whose whole history was decided in this transaction."""
    run(connection, _CLEAR, (list(users),))


def next_due(connection: Connection) -> int | None:
    """Takes the user who has waited longest; the wait grows from a minute to an hour."""
    row = run(connection, _NEXT).fetchone()
    return None if row is None else int(row[0])
