"""Names the ids of an app that identify nobody, because they are those of too many."""

from collections.abc import Iterator

from console.apps.apps import App
from console.security.unread_values import UnreadTotal
from shared.database import Connection, run

SHOWN_MAX = 10

_WIDEST = """
SELECT kind, environment, value, users, found_at, counted_at FROM wide_identifiers
WHERE app_id = %s ORDER BY users DESC, kind, value LIMIT %s
"""
_WORDS = {
    "device": "The device ID `{value}`{where} is named by at least {users:,} users, so that it "
    "identifies nobody. Send the ID of each device, or none.",
    "click": "The click ID `{value}`{where} is named by at least {users:,} users, so that it "
    "identifies nobody. Send the ID of each user's click, or none.",
    "user": "The user `{value}`{where} names more IDs than a user has, so none of them identifies "
    "the user. Send a user ID of their own for each user.",
}


def wide_totals(connection: Connection, app: App) -> Iterator[UnreadTotal]:
    """Yields the widest ids of the app, each with the number of users or ids counted."""
    for kind, environment, value, users, since, last_at in run(
        connection, _WIDEST, (app.id, SHOWN_MAX)
    ):
        where = " of the sandbox" if environment == "sandbox" else ""
        what = _WORDS[kind].format(value=value, where=where, users=users)
        yield UnreadTotal(what, users, since, last_at)
