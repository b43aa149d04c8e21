"""An app's settings together: what is named changes, all of it or nothing; what is not stays."""

from collections.abc import Mapping
from typing import Any

from console.actor import Actor
from console.apps.apps import App, app_with_id, describe_app, lock_app
from console.apps.refusal_mode import change_refusals
from console.apps.rules import change_rules
from console.resources import Resources
from shared.database import Connection, transaction

_DESCRIPTION = ("name", "currency", "destination")


def change_settings(resources: Resources, actor: Actor, app: App, given: Mapping[str, Any]) -> App:
    """The app as it is now. `given` by name: those of `_DESCRIPTION` (a destination of None or ""
    is none), of the rules as their options are called, in their units, and `adjust_refusals`.

    Raises BadValue, OperatorError; then nothing is changed. NotAllowed.
    """
    rules = {name.replace("_", "-"): value for name, value in given.items()}
    with transaction(resources.connection) as connection:
        app = _locked(connection, app)
        described = (given.get(name, getattr(app, name)) or "" for name in _DESCRIPTION)
        app = describe_app(connection, actor, app, *described)
        change_rules(connection, actor, app, rules)
        if "adjust_refusals" in given:
            wanted = given["adjust_refusals"]
            change_refusals(resources, actor, app, adjust_refusals=wanted)
    return app


def _locked(connection: Connection, app: App) -> App:
    """As it stands, and nobody else changes it."""
    lock_app(connection, app)
    return app_with_id(connection, app.id) or app
