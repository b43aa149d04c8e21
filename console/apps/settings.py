"""Changes an app's settings: the given ones change, all or none, and the others stay the same."""

from collections.abc import Mapping
from typing import Any

from console.actor import Actor, require_admin
from console.apps.apps import App, app_with_id, lock_app, update_app
from console.apps.rules import change_rules
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from shared.database import Connection, run, transaction

_DESCRIPTION = ("name", "currency", "destination")
_SET_REFUSALS = "UPDATE apps SET adjust_refusals = %s WHERE id = %s"


def change_settings(resources: Resources, actor: Actor, app: App, values: Mapping[str, Any]) -> App:
    """Changes the given settings and returns the app.

    `values` are by name: those of `_DESCRIPTION` (a destination of None or "" is none), the rules
    by the names of their options and in their units, and `adjust_refusals`.

    Raises BadValue or OperatorError, and NotAllowed for a viewer; then nothing is changed.
    """
    rules = {name.replace("_", "-"): value for name, value in values.items()}
    with transaction(resources.connection) as connection:
        lock_app(connection, app)
        app = app_with_id(connection, app.id) or app
        description = (values.get(name, getattr(app, name)) or "" for name in _DESCRIPTION)
        app = update_app(connection, actor, app, *description)
        change_rules(connection, actor, app, rules)
        if "adjust_refusals" in values:
            wanted = values["adjust_refusals"]
            change_refusals(resources, actor, app, adjust_refusals=wanted)
    return app


def read_refusals(connection: Connection, app: App) -> bool:
    """Tells whether an app's senders get Adjust's refusals that depend on earlier events."""
    row = run(connection, "SELECT adjust_refusals FROM apps WHERE id = %s", (app.id,)).fetchone()
    assert row is not None  # apps are never deleted
    return bool(row[0])


def change_refusals(resources: Resources, actor: Actor, app: App, *, adjust_refusals: bool) -> None:
    """Turns Adjust's refusals that depend on earlier events on or off.

    The same value again changes nothing. Raises OperatorError when the change cannot be published,
    and NotAllowed for a viewer.
    """
    require_admin(actor)
    connection = resources.connection
    with publishing_transaction(resources):
        lock_app(connection, app)
        before = {"adjust_refusals": read_refusals(connection, app)}
        after = {"adjust_refusals": adjust_refusals}
        if before == after:
            return
        run(connection, _SET_REFUSALS, (adjust_refusals, app.id))
        change = Change(Action.APP_REFUSALS, app.name, before, after)
        record_change(connection, actor, app.id, change)
