"""Keeps requests of people for what is stored about them, which other systems pass on.

What is kept is the IDs that were sent, for a week: the answer is made when it is fetched, so that
no second copy of a person's data lies about. An erasure of the person deletes the request too.
"""

from dataclasses import dataclass, field
from datetime import datetime

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from shared.database import Connection, run, transaction
from shared.privacy.identities import IdKind, PersonId

_COLUMNS = "external_id, apps.name, requested_at, ids"
_FIND = f"""
    SELECT {_COLUMNS} FROM access_requests JOIN apps ON apps.id = app_id WHERE external_id = %s
"""
_DELETE = "DELETE FROM access_requests WHERE external_id = %s"
_INSERT = "INSERT INTO access_requests (external_id, app_id, ids) VALUES (%s, %s, %s)"


@dataclass(frozen=True)
class AccessRequest:
    """A request for access or portability, under the ID that its sender gave it."""

    external_id: str
    app: str
    requested_at: datetime
    ids: list[PersonId] = field(repr=False)


def request_access(
    connection: Connection, actor: Actor, app: App, external_id: str, ids: list[PersonId]
) -> AccessRequest:
    """Takes a request. Raises NotAllowed for a viewer."""
    require_admin(actor)
    with transaction(connection):
        texts = [f"{each.kind}:{each.value}" for each in ids]
        run(connection, _INSERT, (external_id, app.id, texts))
        change = Change(Action.USER_ACCESS, app.name, None, {"request": external_id})
        record_change(connection, actor, app.id, change)
    taken = find_access_request(connection, external_id)
    assert taken is not None  # it was just taken
    return taken


def find_access_request(connection: Connection, external_id: str) -> AccessRequest | None:
    """Finds a request that has not expired."""
    row = run(connection, _FIND, (external_id,)).fetchone()
    if row is None:
        return None
    sent_as, app, requested_at, texts = row
    pairs = (text.partition(":") for text in texts)
    ids = [PersonId(IdKind(kind), value) for kind, _, value in pairs]
    return AccessRequest(sent_as, app, requested_at, ids)


def forget_access_request(
    connection: Connection, actor: Actor, app: App, request: AccessRequest
) -> None:
    """Forgets a request before it expires. Raises NotAllowed for a viewer."""
    require_admin(actor)
    with transaction(connection):
        run(connection, _DELETE, (request.external_id,))
        change = Change(Action.USER_ACCESS, app.name, {"request": request.external_id}, None)
        record_change(connection, actor, app.id, change)
