"""Whether an app's senders get Adjust's refusals that depend on what came before."""

from console.actor import Actor, require_admin
from console.apps.apps import App, lock_app
from console.audit import Action, Change, record_change
from console.publication import published
from console.resources import Resources
from shared.database import Connection, run


def read_refusals(connection: Connection, app: App) -> bool:
    row = run(connection, "SELECT adjust_refusals FROM apps WHERE id = %s", (app.id,)).fetchone()
    assert row is not None  # apps are never deleted
    return bool(row[0])


def change_refusals(resources: Resources, actor: Actor, app: App, *, adjust_refusals: bool) -> None:
    """What says nothing new changes nothing.

    Raises OperatorError when the change cannot be published; NotAllowed.
    """
    require_admin(actor)
    connection = resources.connection
    with published(resources):
        lock_app(connection, app)
        before = read_refusals(connection, app)
        if before == adjust_refusals:
            return
        run(
            connection,
            "UPDATE apps SET adjust_refusals = %s WHERE id = %s",
            (adjust_refusals, app.id),
        )
        record_change(connection, actor, app.id, _told(app, before, adjust_refusals))


def _told(app: App, before: bool, after: bool) -> Change:
    return Change(
        Action.APP_REFUSALS, app.name, {"adjust_refusals": before}, {"adjust_refusals": after}
    )
