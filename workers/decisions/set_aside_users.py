"""Set-aside users: those whose decision failed, so that they keep nobody waiting.

Who is set aside is decided by no drain, whatever else arrives: the facts are stored, and the next
try decides from all of them (`retry_set_aside`, `recompute`). Nothing can be missed: a drain looks here after it has locked the
user, and so does whoever takes the user out.
"""

from collections.abc import Iterable, Sequence

import msgspec

from shared.database import Connection, run
from workers.sql.json_rows import write_rows

_SET_ASIDE = """
INSERT INTO set_aside_users (user_ref, fault)
SELECT user_ref, fault FROM json_to_recordset(%s::json) AS sent (user_ref bigint, fault text)
ON CONFLICT (user_ref) DO UPDATE SET fault = excluded.fault, tried_at = now()
"""

# By their range: most of the time there are none, and 500 look-ups in an empty index take ten times
# as long as one.
_BETWEEN = "SELECT user_ref FROM set_aside_users WHERE user_ref BETWEEN %s AND %s"

_TAKE_OUT = "DELETE FROM set_aside_users WHERE user_ref = ANY(%s)"

# Noted before it is tried: one that ends its worker is not tried again at once, and not first.
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
    """A user, and what the decision about them raised."""

    user: int
    fault: Exception


def set_aside(connection: Connection, failures: Sequence[Failure]) -> None:
    """Note whom no drain shall decide, in the transaction that holds their locks."""
    rows = [{"user_ref": each.user, "fault": type(each.fault).__name__} for each in failures]
    write_rows(connection, _SET_ASIDE, rows)


def set_aside_among(connection: Connection, users: Sequence[int]) -> set[int]:
    """Find those of these users who are set aside; they are locked."""
    if not users:
        return set()
    found = run(connection, _BETWEEN, (min(users), max(users)))
    return {user for (user,) in found}.intersection(users)


def take_out(connection: Connection, users: Iterable[int]) -> None:
    """Let drains decide these again, who were decided from the beginning in this transaction."""
    run(connection, _TAKE_OUT, (list(users),))


def next_due(connection: Connection) -> int | None:
    """Take the user who has waited longest for a try: a minute at first, an hour at last."""
    row = run(connection, _NEXT).fetchone()
    return None if row is None else int(row[0])
