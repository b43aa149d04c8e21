"""Searches users, events and clicks by any id."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from console.apps.apps import App
from console.lookup.trace import TraceState, parse_receipt, trace
from console.lookup.user_timeline import find_users
from console.resources import Resources
from console.validation import clean_text
from shared.database import run
from shared.errors import OperatorError
from shared.names.invisible import trimmed

FOUND_USERS_MAX = 50
_CHARACTERS_MAX = 256


@dataclass(frozen=True)
class SearchResult:
    """User ids, and receipt IDs of the events and clicks with this id."""

    users: list[str]
    receipts: list[UUID]


def search(
    resources: Resources,
    app: App,
    environment: str,
    text: str,
    visible: Collection[str] | None = None,
) -> SearchResult:
    """Searches by user id, device id, adid, click id or receipt ID, which is of any visible app.

    Raises OperatorError for a text that cannot be an id.
    """
    text = clean_text("id", trimmed(text), _CHARACTERS_MAX)
    connection = resources.connection
    rows = run(
        connection,
        "SELECT receipt FROM clicks WHERE app_id = %s AND environment = %s AND click_id = %s",
        (app.id, environment, text),
    )
    receipts = {receipt for (receipt,) in rows}
    with suppress(OperatorError):  # the text is no receipt ID
        traced = trace(connection, resources.redis, parse_receipt(text), visible)
        if traced.state is not TraceState.UNKNOWN:
            receipts.add(traced.receipt)
    users = find_users(connection, app, environment, text, FOUND_USERS_MAX)
    return SearchResult(users, sorted(receipts))
