"""Roles of members in apps: who reaches which app, and may change it."""

from console.accounts.people import Person, person_with_id
from console.actor import Actor, AppRole, Role, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from shared.database import Connection, run, transaction
from shared.errors import OperatorError

_GIVE = """
    INSERT INTO app_roles (person_id, app_id, role) VALUES (%s, %s, %s)
    ON CONFLICT (person_id, app_id) DO UPDATE SET role = excluded.role
"""
_LOCK = "SELECT role FROM people WHERE id = %s FOR UPDATE"
_TAKE = "DELETE FROM app_roles WHERE person_id = %s AND app_id = %s"


def grant_app(
    connection: Connection, actor: Actor, person: Person, app: App, role: AppRole
) -> Person:
    """Gives a member a role in an app, instead of the one that they had there.

    Raises OperatorError for a person who is no member, and NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(connection):
        # Locked, because a role in an app of who is no member any more would be hidden until they
        # are one again.
        if run(connection, _LOCK, (person.id,)).fetchone() != (Role.MEMBER,):
            raise OperatorError(
                "An admin and a viewer see every app. Make this person a member first.",
                "`waybill admin role NAME member` does.",
            )
        run(connection, _GIVE, (person.id, app.id, role))
        return _recorded(connection, actor, person, app)


def revoke_app(connection: Connection, actor: Actor, person: Person, app: App) -> Person:
    """Takes a person's role in an app away, at once; without one it changes nothing.

    Raises NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(connection):
        run(connection, _TAKE, (person.id, app.id))
        return _recorded(connection, actor, person, app)


def _recorded(connection: Connection, actor: Actor, person: Person, app: App) -> Person:
    """Returns the person as they are now, after an entry in the audit log of the app."""
    changed = person_with_id(connection, person.id)
    before, after = ({"role": each.reach.apps.get(app.id)} for each in (person, changed))
    if before != after:
        change = Change(Action.APP_ROLE, person.name, before, after)
        record_change(connection, actor, app.id, change)
    return changed
