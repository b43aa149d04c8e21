"""Archives and restores apps, event types, partners and links, and gives them new names.

What is archived is out of sight and can be restored; nothing that was stored changes. An archived
app accepts nothing. An archived link, or one of an archived partner, still redirects whoever
follows it, and its clicks are not stored. An archived event type counts on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.actor import Actor, require_admin
from console.apps.destination_hosts import (
    OF_APP,
    OF_LINK,
    OF_PARTNER,
    require_all_listed,
    require_listed,
)
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from console.validation import clean_destination, clean_shown_name
from shared.database import run
from shared.errors import OperatorError

NAME_CHARACTERS_MAX = 100


class Archivable(StrEnum):
    """What can be archived."""

    APP = "app"
    EVENT_TYPE = "event type"
    PARTNER = "partner"
    LINK = "link"


@dataclass(frozen=True)
class ArchiveSubject:
    """One thing that can be archived. `app_id` is None for a partner, which has no app."""

    kind: Archivable
    id: int
    app_id: int | None
    name: str
    archived_at: datetime | None


@dataclass(frozen=True)
class _Statements:
    """The SQL of one kind, and the actions that the audit log has for it."""

    read: str
    set_archived: str
    taken: str
    rename: str
    archive_action: Action
    restore_action: Action
    rename_action: Action


_STATEMENTS: Mapping[Archivable, _Statements] = {
    Archivable.APP: _Statements(
        "SELECT id, id, name, archived_at FROM apps WHERE id = %(id)s FOR NO KEY UPDATE",
        "UPDATE apps SET archived_at = CASE WHEN %(wanted)s THEN now() END WHERE id = %(id)s",
        "SELECT name FROM apps WHERE id <> %(id)s",
        "UPDATE apps SET name = %(name)s WHERE id = %(id)s",
        Action.APP_ARCHIVE,
        Action.APP_RESTORE,
        Action.APP_DESCRIBE,
    ),
    Archivable.EVENT_TYPE: _Statements(
        "SELECT id, app_id, name, archived_at FROM event_types WHERE id = %(id)s FOR NO KEY UPDATE",
        "UPDATE event_types SET archived_at = CASE WHEN %(wanted)s THEN now() END "
        "WHERE id = %(id)s",
        "SELECT name FROM event_types WHERE false AND id = %(id)s",  # several may share a name
        "UPDATE event_types SET name = %(name)s WHERE id = %(id)s",
        Action.EVENT_TYPE_ARCHIVE,
        Action.EVENT_TYPE_RESTORE,
        Action.EVENT_TYPE_RENAME,
    ),
    Archivable.PARTNER: _Statements(
        "SELECT id, NULL::bigint, name, archived_at FROM partners WHERE id = %(id)s "
        "FOR NO KEY UPDATE",
        "UPDATE partners SET archived_at = CASE WHEN %(wanted)s THEN now() END WHERE id = %(id)s",
        "SELECT name FROM partners WHERE id <> %(id)s",
        "UPDATE partners SET name = %(name)s WHERE id = %(id)s",
        Action.PARTNER_ARCHIVE,
        Action.PARTNER_RESTORE,
        Action.PARTNER_RENAME,
    ),
    Archivable.LINK: _Statements(
        "SELECT id, app_id, name, archived_at FROM links WHERE id = %(id)s FOR NO KEY UPDATE",
        "UPDATE links SET archived_at = CASE WHEN %(wanted)s THEN now() END WHERE id = %(id)s",
        "SELECT name FROM links WHERE id <> %(id)s "
        "AND app_id = (SELECT app_id FROM links WHERE id = %(id)s)",
        "UPDATE links SET name = %(name)s WHERE id = %(id)s",
        Action.LINK_ARCHIVE,
        Action.LINK_RESTORE,
        Action.LINK_RENAME,
    ),
}

# The links that lead somewhere again when something is restored.
_LED_BY = {
    Archivable.APP: OF_APP,
    Archivable.PARTNER: OF_PARTNER,
    Archivable.LINK: OF_LINK,
}


def archive(resources: Resources, actor: Actor, kind: Archivable, number: int) -> ArchiveSubject:
    """Archives something, within a second; again is no error and changes nothing.

    Raises OperatorError when there is no such thing or the change cannot be published, and
    NotAllowed for a viewer.
    """
    return _set_archived(resources, actor, kind, number, wanted=True)


def restore(resources: Resources, actor: Actor, kind: Archivable, number: int) -> ArchiveSubject:
    """Restores something that was archived. Raises as `archive` does."""
    return _set_archived(resources, actor, kind, number, wanted=False)


def rename(
    resources: Resources, actor: Actor, kind: Archivable, number: int, name: str
) -> ArchiveSubject:
    """Gives something another name, in reports of the past as well.

    Raises OperatorError for a malformed or taken name, and as `archive` does.
    """
    require_admin(actor)
    statements, connection = _STATEMENTS[kind], resources.connection
    with publishing_transaction(resources):
        before = _locked(resources, kind, number)
        taken = [other for (other,) in run(connection, statements.taken, {"id": number})]
        new = clean_shown_name("name", name, NAME_CHARACTERS_MAX, taken)
        if new in taken:
            raise OperatorError(f"Another {kind} has this name. Choose a different name.")
        if new == before.name:
            return before
        run(connection, statements.rename, {"id": number, "name": new})
        change = Change(statements.rename_action, before.name, {"name": before.name}, {"name": new})
        record_change(connection, actor, before.app_id, change)
        return _locked(resources, kind, number)


def set_destination(
    resources: Resources, actor: Actor, link_id: int, destination: str
) -> ArchiveSubject:
    """Leads a link elsewhere, within a second.

    Raises OperatorError for a malformed destination, and as `archive` does.
    """
    require_admin(actor)
    new, connection = clean_destination(destination), resources.connection
    with publishing_transaction(resources):
        link = _locked(resources, Archivable.LINK, link_id)
        row = run(connection, "SELECT destination FROM links WHERE id = %s", (link_id,)).fetchone()
        assert row is not None
        if row[0] != new:
            require_listed(connection, link.app_id or 0, new)
            run(connection, "UPDATE links SET destination = %s WHERE id = %s", (new, link_id))
            before, after = {"destination": row[0]}, {"destination": new}
            change = Change(Action.LINK_DESTINATION, link.name, before, after)
            record_change(connection, actor, link.app_id, change)
    return link


def require_typed(name: str, typed: str) -> None:
    """Confirms what cannot be undone, or stops what still arrives. Raises OperatorError."""
    if typed.strip() != name:
        raise OperatorError(f"Type the name to confirm: {name}")


def _set_archived(
    resources: Resources, actor: Actor, kind: Archivable, number: int, *, wanted: bool
) -> ArchiveSubject:
    require_admin(actor)
    statements, connection = _STATEMENTS[kind], resources.connection
    with publishing_transaction(resources):
        before = _locked(resources, kind, number)
        if (before.archived_at is not None) is wanted:
            return before
        if not wanted and kind in _LED_BY:
            require_all_listed(connection, _LED_BY[kind], number)
        run(connection, statements.set_archived, {"id": number, "wanted": wanted})
        action = statements.archive_action if wanted else statements.restore_action
        states = {"archived": not wanted}, {"archived": wanted}
        record_change(connection, actor, before.app_id, Change(action, before.name, *states))
        return _locked(resources, kind, number)


def _locked(resources: Resources, kind: Archivable, number: int) -> ArchiveSubject:
    """Returns a subject and locks it until the transaction ends. Raises OperatorError."""
    row = run(resources.connection, _STATEMENTS[kind].read, {"id": number}).fetchone()
    if row is None:
        raise OperatorError(f"There is no such {kind}.")
    return ArchiveSubject(kind, *row)
