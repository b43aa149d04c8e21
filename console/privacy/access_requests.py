"""Keeps requests of people for what is stored about them, which other systems pass on.

What is kept is the IDs that were sent, for a week: the answer is made when it is fetched, so that
no second copy of a person's data lies about. An erasure of the person deletes the request too.
"""

from dataclasses import dataclass, field
from datetime import datetime

from console.actor import Actor, require_admin
from console.apps.apps import App, lock_app
from console.audit import Action, Change, record_change
from console.privacy.erasures import RequestTaken
from shared.database import Connection, run, transaction
from shared.privacy.identities import IdKind, PersonId

_COLUMNS = "external_id, apps.name, requested_at, ids"
_FIND = f"""
    SELECT {_COLUMNS} FROM access_requests JOIN apps ON apps.id = app_id WHERE external_id = %s
"""
_DELETE = "DELETE FROM access_requests WHERE external_id = %s"
# Nothing if the ID was taken a moment before, by a request of either kind.
_INSERT = """
    INSERT INTO access_requests (external_id, app_id, ids)
    SELECT %(external_id)s, %(app)s, %(ids)s::text[]
    WHERE NOT EXISTS (SELECT FROM erasures WHERE external_id = %(external_id)s)
    ON CONFLICT DO NOTHING
    RETURNING external_id
"""


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
    """Takes a request.

    Raises RequestTaken if the ID has one already, and NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(connection):
        lock_app(connection, app)
        texts = [f"{each.kind}:{each.value}" for each in ids]
        row = {"external_id": external_id, "app": app.id, "ids": texts}
        if run(connection, _INSERT, row).fetchone() is None:
            raise RequestTaken
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
