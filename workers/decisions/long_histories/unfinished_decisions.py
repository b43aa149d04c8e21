"""Keeps how far the decision of a long history has come, where it takes more than one transaction.

All rows are written under the lock of their user. While a user has one, what stands behind its
moment may follow from an earlier state: nothing there is decided but by the next window, which also
decides what arrives meanwhile.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from shared.database import Connection, run
from workers.sql.json_rows import write_rows

EVERYTHING_MS: Final = 2**53  # behind all events: whatever follows is in question

_COLUMNS = "user_ref, from_ms, latest_ms, is_changed, withheld, withheld_before_ms"
# Selects a range, as for users who are set aside: most of the time there are none.
_BETWEEN = f"SELECT {_COLUMNS} FROM unfinished_decisions WHERE user_ref BETWEEN %s AND %s"
# Who is set aside is decided anew from the beginning.
_NEXT = """
SELECT user_ref, from_ms, xmin::text FROM unfinished_decisions
WHERE user_ref > %s AND NOT EXISTS (
    SELECT FROM set_aside_users AS aside WHERE aside.user_ref = unfinished_decisions.user_ref
)
ORDER BY user_ref LIMIT 1
"""
_VERSION = "SELECT xmin::text FROM unfinished_decisions WHERE user_ref = %s"
_WRITE = f"""
INSERT INTO unfinished_decisions ({_COLUMNS})
SELECT {_COLUMNS} FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, from_ms bigint, latest_ms bigint, is_changed boolean, withheld text,
    withheld_before_ms bigint
)
ON CONFLICT (user_ref) DO UPDATE SET
    from_ms = excluded.from_ms, latest_ms = excluded.latest_ms, is_changed = excluded.is_changed,
    withheld = excluded.withheld, withheld_before_ms = excluded.withheld_before_ms
"""
_REMOVE = "DELETE FROM unfinished_decisions WHERE user_ref = ANY(%s)"
_REMOVE_GONE = """
DELETE FROM unfinished_decisions WHERE user_ref = %s AND NOT EXISTS (
    SELECT FROM users WHERE users.id = user_ref AND detached_at IS NULL
)
"""


class Unfinished(msgspec.Struct, frozen=True):
    """A decision that is to go on from a moment (Unix milliseconds), at least to `latest_ms`.

    `is_changed` tells whether another attribution holds since one of the windows before: then all
    that follows it is told and counted anew. `withheld` is the reason for which callbacks of events
    that were received before a moment are not sent.
    """

    from_ms: int
    latest_ms: int = EVERYTHING_MS
    is_changed: bool = False
    withheld: str | None = None
    withheld_before_ms: int = 0

    def with_later(self, other: "Unfinished") -> "Unfinished":
        """Returns one decision for both. Callbacks are withheld if both withhold them.

        The one that goes on first may find its state again where the other has been already. Behind
        where that goes on, everything still follows from the state before it, and is in question.
        """
        is_withheld = self.withheld is not None and other.withheld is not None
        return Unfinished(
            from_ms=min(self.from_ms, other.from_ms),
            latest_ms=max(self.latest_ms, other.latest_ms, self.from_ms, other.from_ms),
            is_changed=self.is_changed or other.is_changed,
            withheld=self.withheld if is_withheld else None,
            withheld_before_ms=max(self.withheld_before_ms, other.withheld_before_ms),
        )


def load_unfinished(connection: Connection, users: Sequence[int]) -> dict[int, Unfinished]:
    """Loads how far the decisions of these locked users have come."""
    if not users:
        return {}
    wanted = set(users)
    rows = run(connection, _BETWEEN, (min(users), max(users)))
    return {user: Unfinished(*values) for user, *values in rows if user in wanted}


class NextUnfinished(NamedTuple):
    """A user whose decision is to go on from a moment; `version` differs after each window."""

    user: int
    from_ms: int
    version: str


def next_unfinished(connection: Connection, after: int) -> NextUnfinished | None:
    """Returns the next user whose decision is to go on, in the order of their numbers."""
    row = run(connection, _NEXT, (after,)).fetchone()
    return None if row is None else NextUnfinished(*row)


def version_of_unfinished(connection: Connection, user: int) -> str | None:
    """Returns the version of a user's unfinished decision, None if there is no more."""
    row = run(connection, _VERSION, (user,)).fetchone()
    return None if row is None else str(row[0])


def write_unfinished(connection: Connection, unfinished: Mapping[int, Unfinished]) -> None:
    """Notes where the decisions of these locked users go on."""
    rows: list[dict[str, object]] = [
        {"user_ref": user, **msgspec.structs.asdict(each)} for user, each in unfinished.items()
    ]
    write_rows(connection, _WRITE, rows)


def remove_unfinished(connection: Connection, users: Collection[int]) -> None:
    """Notes that the decisions of these locked users are finished."""
    if users:
        run(connection, _REMOVE, (list(users),))


def forget_if_gone(connection: Connection, user: int) -> None:
    """Removes a user who was erased since; one whom somebody else has locked stays."""
    run(connection, _REMOVE_GONE, (user,))
