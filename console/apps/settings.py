"""Changes an app's settings: the given ones change, all or none, and the others stay the same."""

from collections.abc import Mapping
from typing import Any

from console.actor import Actor
from console.apps.apps import App, AppDescription, app_with_id, lock_app, update_app
from console.apps.limits import change_limits
from console.apps.rules import change_rules
from console.apps.switches import SWITCHES, change_switches
from console.resources import Resources
from shared.database import transaction

_DESCRIPTION = (
    "name",
    "currency",
    "destination",
    "active_users_by",
    "destination_hosts",
    "time_zone",
)


def change_settings(resources: Resources, actor: Actor, app: App, values: Mapping[str, Any]) -> App:
    """Changes the given settings and returns the app.

    `values` are by name: those of `_DESCRIPTION` (a destination of None or "" is none), the rules
    by the names of their options and in their units, the switches by their names, and `limits`,
    which are by name themselves.

    Raises BadValue or OperatorError, and NotAllowed for a viewer; then nothing is changed.
    """
    rules = {name.replace("_", "-"): value for name, value in values.items()}
    with transaction(resources.connection) as connection:
        lock_app(connection, app)
        app = app_with_id(connection, app.id) or app
        description = (values.get(name, getattr(app, name)) or "" for name in _DESCRIPTION)
        app = update_app(connection, actor, app, AppDescription(*description))
        change_rules(connection, actor, app, rules)
        wanted = {switch.name: values[switch.name] for switch in SWITCHES if switch.name in values}
        if wanted:
            change_switches(resources, actor, app, wanted)
        if limits := values.get("limits"):
            change_limits(resources, actor, app, limits)
    return app
