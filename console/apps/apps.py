"""Apps: a Store App each, whose backend sends events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.actor import Actor, require_admin
from console.apps.destinations import read_destination
from console.audit import Action, Change, record_change
from console.publication import published
from console.resources import Resources
from console.validation import label, random_code
from shared import fields
from shared.database import Connection, run, transaction
from shared.errors import BadValue, MalformedField, OperatorError

NAME_CHARACTERS_MAX = 100
APP_TOKEN_CHARACTERS_MAX = 64
_APP_TOKEN_LENGTH = 12  # as Adjust's


@dataclass(frozen=True)
class App:
    """`app_token` names the app to machines; it authorises nobody.

    Reports convert to `currency` (ISO 4217); `destination` is offered for new links.
    """

    id: int
    name: str
    app_token: str
    created_at: datetime
    currency: str = "EUR"
    destination: str | None = None


_SEE = "See `waybill app list`."
_COLUMNS = "id, name, app_token, created_at, currency, destination"
_SELECT = f"SELECT {_COLUMNS} FROM apps"
_DESCRIBE = f"""
    UPDATE apps SET name = %(name)s, currency = %(currency)s, destination = %(destination)s
    WHERE id = %(id)s
      AND NOT EXISTS (SELECT FROM apps AS other WHERE name = %(name)s AND other.id <> %(id)s)
    RETURNING {_COLUMNS}
"""


_INSERT = f"""
    INSERT INTO apps (name, app_token) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""


def create_app(resources: Resources, actor: Actor, name: str, app_token: str | None = None) -> App:
    """Raises OperatorError when the name or the app token is malformed or taken, or the change
    cannot be published; NotAllowed.
    """
    require_admin(actor)
    if app_token is None:
        app_token = random_code(_APP_TOKEN_LENGTH)
    values = (
        label("name", name, NAME_CHARACTERS_MAX),
        label("app-token", app_token, APP_TOKEN_CHARACTERS_MAX),
    )
    with published(resources):
        row = run(resources.connection, _INSERT, values).fetchone()
        if row is None:
            raise OperatorError("An app with this name or this app token exists.", _SEE)
        made = App(*row)
        told = Change(Action.APP_CREATE, made.name, None, {"app_token": made.app_token})
        record_change(resources.connection, actor, made.id, told)
    return made


def lock_app(connection: Connection, app: App) -> None:
    """Until the transaction ends nobody else changes what belongs to this app."""
    run(connection, "SELECT FROM apps WHERE id = %s FOR NO KEY UPDATE", (app.id,))


def list_apps(connection: Connection) -> list[App]:
    """By name."""
    rows = run(connection, f"{_SELECT} ORDER BY name, id")
    return [App(*row) for row in rows]


def app_names(connection: Connection) -> dict[int, str]:
    """Every app's name by its id."""
    return dict(run(connection, "SELECT id, name FROM apps").fetchall())


def find_app(connection: Connection, reference: str) -> App:
    """The app with this name or this app token. Raises OperatorError unless there is just one."""
    rows = run(
        connection,
        f"{_SELECT} WHERE %(reference)s IN (name, app_token)",
        {"reference": label("app", reference, NAME_CHARACTERS_MAX)},
    ).fetchall()
    return _only(rows)


def app_with_id(connection: Connection, number: int) -> App | None:
    row = run(connection, f"{_SELECT} WHERE id = %s", (number,)).fetchone()
    return None if row is None else App(*row)


def describe_app(
    connection: Connection, actor: Actor, app: App, name: str, currency: str, destination: str
) -> App:
    """The app with this name, currency and destination ("" for none).

    Raises OperatorError when one is malformed, or the name is taken; NotAllowed.
    """
    require_admin(actor)
    values = {
        "name": label("name", name, NAME_CHARACTERS_MAX),
        "currency": _currency(currency),
        "destination": read_destination(destination) if destination else None,
    }
    with transaction(connection):
        lock_app(connection, app)
        before = _described(app_with_id(connection, app.id) or app)
        if values == before:
            return app
        row = run(connection, _DESCRIBE, {"id": app.id, **values}).fetchone()
        if row is None:
            raise OperatorError("Another app has this name. Choose another one.")
        told = Change(Action.APP_DESCRIBE, app.name, before, values)
        record_change(connection, actor, app.id, told)
        return App(*row)


def _described(app: App) -> dict[str, str | None]:
    return {"name": app.name, "currency": app.currency, "destination": app.destination}


def _currency(text: str) -> str:
    try:
        return fields.currency("currency", text)
    except MalformedField as fault:
        raise BadValue("currency", fault.rule) from None


def _only(rows: Sequence[tuple[Any, ...]]) -> App:
    if not rows:
        raise OperatorError(
            "There is no app with this name or app token.",
            "See `waybill app list`, or make one with `waybill app create`.",
        )
    if len(rows) > 1:
        raise OperatorError(
            "One app has this name and another has it as its app token. Name the app by the other "
            "of the two.",
            _SEE,
        )
    return App(*rows[0])
