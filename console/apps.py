"""Apps: a Store App each, whose backend sends events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.actor import Actor, require_admin
from console.audit import Action, Change, record_change
from console.installation import Installation
from console.labels import label, random_code
from console.publication import published
from shared.database import Connection
from shared.errors import OperatorError

NAME_CHARACTERS_MAX = 100
APP_TOKEN_CHARACTERS_MAX = 64
_APP_TOKEN_LENGTH = 12  # as Adjust's


@dataclass(frozen=True)
class App:
    """`app_token` names the app to machines; it authorises nobody."""

    id: int
    name: str
    app_token: str
    created_at: datetime


_INSERT = """
    INSERT INTO apps (name, app_token) VALUES (%s, %s)
    ON CONFLICT DO NOTHING
    RETURNING id, name, app_token, created_at
"""


def create_app(
    installation: Installation, actor: Actor, name: str, app_token: str | None = None
) -> App:
    """Raises OperatorError when the name or the app token is malformed or taken, or the change
    cannot be published; NotAllowed.
    """
    require_admin(actor)
    if app_token is None:
        app_token = random_code(_APP_TOKEN_LENGTH)
    values = (
        label("--name", name, NAME_CHARACTERS_MAX),
        label("--app-token", app_token, APP_TOKEN_CHARACTERS_MAX),
    )
    with published(installation):
        row = installation.connection.execute(_INSERT, values).fetchone()
        if row is None:
            raise OperatorError(
                "An app with this name or this app token exists. See `waybill app list`."
            )
        made = App(*row)
        told = Change(Action.APP_CREATE, made.name, None, {"app_token": made.app_token})
        record_change(installation.connection, actor, made.id, told)
    return made


def lock_app(connection: Connection, app: App) -> None:
    """Until the transaction ends nobody else changes what belongs to this app."""
    connection.execute("SELECT FROM apps WHERE id = %s FOR NO KEY UPDATE", (app.id,))


def list_apps(connection: Connection) -> list[App]:
    """By name."""
    rows = connection.execute("SELECT id, name, app_token, created_at FROM apps ORDER BY name, id")
    return [App(*row) for row in rows]


def app_names(connection: Connection) -> dict[int, str]:
    """Every app's name by its id."""
    return dict(connection.execute("SELECT id, name FROM apps").fetchall())


def find_app(connection: Connection, reference: str) -> App:
    """The app with this name or this app token. Raises OperatorError unless there is just one."""
    rows = connection.execute(
        """
        SELECT id, name, app_token, created_at FROM apps
        WHERE %(reference)s IN (name, app_token)
        """,
        {"reference": label("--app", reference, NAME_CHARACTERS_MAX)},
    ).fetchall()
    return _only(rows)


def _only(rows: Sequence[tuple[Any, ...]]) -> App:
    if not rows:
        raise OperatorError(
            "There is no app with this name or app token. See `waybill app list`, or make one "
            "with `waybill app create`."
        )
    if len(rows) > 1:
        raise OperatorError(
            "One app has this name and another has it as its app token. Name the app by the other "
            "of the two; see `waybill app list`."
        )
    return App(*rows[0])
