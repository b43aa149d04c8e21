"""What a person may mean by an id: users, and events or clicks by their receipts."""

from dataclasses import dataclass
from uuid import UUID

from console.apps.apps import App
from console.lookup.trace import State, parse_receipt, trace
from console.lookup.user_timeline import find_users
from console.resources import Resources
from console.validation import label
from shared.database import Connection, run
from shared.errors import OperatorError

FOUND_USERS_MAX = 50
_CHARACTERS_MAX = 256


@dataclass(frozen=True)
class Found:
    """User ids, and receipts of what was received under this id."""

    users: list[str]
    receipts: list[UUID]


def search(resources: Resources, app: App, environment: str, text: str) -> Found:
    """By user id, device id, adid, click id or receipt. Raises OperatorError for what is none."""
    text = label("id", text, _CHARACTERS_MAX)
    connection = resources.connection
    receipts = {
        *_of_click(connection, app, environment, text),
        *_of_receipt(resources, text),
    }
    users = find_users(connection, app, environment, text, FOUND_USERS_MAX)
    return Found(users, sorted(receipts))


def _of_click(connection: Connection, app: App, environment: str, text: str) -> list[UUID]:
    rows = run(
        connection,
        "SELECT receipt FROM clicks WHERE app_id = %s AND environment = %s AND click_id = %s",
        (app.id, environment, text),
    )
    return [receipt for (receipt,) in rows]


def _of_receipt(resources: Resources, text: str) -> list[UUID]:
    try:
        receipt = parse_receipt(text)
    except OperatorError:
        return []
    found = trace(resources.connection, resources.redis, receipt)
    return [] if found.state is State.UNKNOWN else [receipt]
