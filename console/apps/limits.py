"""Reads and changes the limits of an app's traffic, which ingest keeps."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from console.actor import Actor, require_admin
from console.apps.apps import App, lock_app
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from shared.database import Connection, run
from shared.errors import BadValue, OperatorError
from shared.limits.app_limits import DEFAULT_LIMITS, LIMIT_MAX, AppLimits, stored_limits

_DEFAULTS: dict[str, int] = msgspec.structs.asdict(DEFAULT_LIMITS)


def read_limits(connection: Connection, app: App) -> AppLimits:
    """Returns the limits of an app; those that nobody has set are the defaults."""
    row = run(connection, "SELECT limits FROM apps WHERE id = %s", (app.id,)).fetchone()
    assert row is not None  # apps are never deleted
    return stored_limits(row[0])


def change_limits(resources: Resources, actor: Actor, app: App, wanted: Mapping[str, Any]) -> None:
    """Sets limits by their names; the others stay as they are, and 0 is no limit.

    They protect the installation from the app, so that whoever may change this app alone can only
    lower them. Raises BadValue for an unknown name or a value outside its range, OperatorError for
    a limit that the actor may not raise or when the change cannot be published, and NotAllowed for
    a viewer.
    """
    require_admin(actor)
    for name, value in wanted.items():
        if name not in _DEFAULTS:
            raise BadValue("limits", "has a name that is no limit.")
        if not 0 <= value <= LIMIT_MAX:
            raise BadValue(name.replace("_", "-"), f"must be between 0 (no limit) and {LIMIT_MAX}.")
    connection = resources.connection
    with publishing_transaction(resources):
        lock_app(connection, app)
        before = msgspec.structs.asdict(read_limits(connection, app))
        after = {**before, **wanted}
        if before == after:
            return
        raised = [name for name in wanted if _is_raised(before[name], after[name])]
        if raised and actor.app_id is not None:
            raise OperatorError(
                f"{raised[0].replace('_', '-')} can only be raised by an admin of all apps. "
                "You may lower it."
            )
        # What is at its default is not stored: a later default applies to it.
        own = {name: value for name, value in after.items() if value != _DEFAULTS[name]}
        run(
            connection,
            "UPDATE apps SET limits = %s::jsonb WHERE id = %s",
            (json.dumps(own), app.id),
        )
        old, new = ({name: side[name] for name in wanted} for side in (before, after))
        record_change(connection, actor, app.id, Change(Action.APP_LIMITS, app.name, old, new))


def _is_raised(before: int, after: int) -> bool:
    return before not in {after, 0} and (after == 0 or after > before)
