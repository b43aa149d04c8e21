"""Takes the clicks of a person out of the decisions about all others, some users at a time.

A decision keeps the IDs of the clicks that lost, and of the one that lent a device ID. What led
from those clicks to the user may be gone since: an address that is not kept any longer, a device ID
that too many users have, a view where views count no more. So all decisions of the app are read.
"""

from collections.abc import Collection, Iterable

from shared.database import Connection, run

USERS_AT_ONCE = 10_000
_LISTED_MAX = 1_000  # users in a statement that names them

_FORGET = """
UPDATE attributions SET
    through = CASE WHEN through = ANY(%(clicks)s) THEN NULL ELSE through END,
    beaten = (
        SELECT coalesce(jsonb_agg(lost ORDER BY place), '[]')
        FROM jsonb_array_elements(beaten) WITH ORDINALITY AS each (lost, place)
        WHERE lost->>'click_id' <> ALL(%(clicks)s)
    )
"""
_NAMES_ONE = """
(through = ANY(%(clicks)s) OR beaten <> '[]' AND EXISTS (
    SELECT FROM jsonb_array_elements(beaten) AS lost WHERE lost->>'click_id' = ANY(%(clicks)s)
))
"""
_FORGET_OF_USERS = f"{_FORGET} WHERE user_ref = ANY(%(users)s) AND {_NAMES_ONE}"
_FORGET_OF_NEXT = f"""
WITH step AS MATERIALIZED (
    SELECT id FROM users WHERE id > %(after)s ORDER BY id LIMIT %(users_max)s
), forgotten AS (
    {_FORGET}
    FROM users
    WHERE users.id = user_ref AND users.app_id = %(app)s
      AND user_ref > %(after)s AND user_ref <= (SELECT max(id) FROM step)
      AND {_NAMES_ONE}
)
SELECT max(id), count(*) FROM step
"""


def forget_contests_of(connection: Connection, click_id: str, users: Collection[int]) -> None:
    """Takes a click out of the decisions about these users, in the open transaction."""
    ordered = sorted(users)
    for start in range(0, len(ordered), _LISTED_MAX):
        arguments = {"clicks": [click_id], "users": ordered[start : start + _LISTED_MAX]}
        run(connection, _FORGET_OF_USERS, arguments)


def forget_contests(
    connection: Connection, app_id: int, click_ids: Iterable[str], after: int
) -> int | None:
    """Takes clicks out of the decisions about the next users of an app, in one statement.

    Returns the last of these users, or None when none is left. Raises DatabaseError.
    """
    arguments = {
        "app": app_id,
        "clicks": list(click_ids),
        "after": after,
        "users_max": USERS_AT_ONCE,
    }
    [(last, users)] = run(connection, _FORGET_OF_NEXT, arguments)
    return None if users < USERS_AT_ONCE else int(last)
