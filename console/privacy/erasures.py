"""Requests erasures and resets, and shows what became of them.

The workers carry them out (`workers.privacy.erasure`). Neither the audit log nor a finished request
names the person: both have a keyed digest of each id that was given, which proves that an id was
erased to whoever has the id and the installation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from console.actor import Actor, require_admin
from console.apps.apps import App, lock_app
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from shared.database import Connection, named_rows, run, transaction
from shared.errors import OperatorError
from shared.ids import new_receipt
from shared.privacy.erasure_log import LoggedAllowance
from shared.privacy.identities import PersonId, id_digest
from shared.privacy.tombstones import read_tombstone_key
from shared.publishing import require_key
from shared.rq_queue import enqueue


class RequestTaken(OperatorError):
    """Another system's ID of a request was taken while this one was on its way."""

    code = "request_taken"
    status = 409

    def __init__(self) -> None:
        super().__init__("A request with this ID was taken at this moment. Ask for its state.")


class ErasureAction(StrEnum):
    """The work of a request: `reset` lets a test device count as new, and erases nothing."""

    ERASE = "erase"
    RESET = "reset"


@dataclass(frozen=True)
class WantedErasure:
    """A request: whose data, and what is to be done. `external_id` is another system's ID of it."""

    ids: Sequence[PersonId]
    action: ErasureAction = ErasureAction.ERASE
    external_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class ErasureRecord:
    """A request to erase a person, or to reset a test device, and its state.

    `counts` are the rows that were touched, by kind; `proof` has a keyed digest of each id.
    """

    id: UUID
    app: str | None
    action: str
    source: str
    state: str
    counts: dict[str, int]
    proof: list[str]
    requested_at: datetime
    done_at: datetime | None
    external_id: str | None


_COLUMNS = """
    erasures.id, apps.name AS app, action, source, state, counts, proof, requested_at, done_at,
    external_id
"""
_INSERT = """
    INSERT INTO erasures (id, app_id, action, source, subject, proof, state, external_id)
    SELECT %(id)s, %(app)s, %(action)s, %(source)s, %(subject)s, %(proof)s, 'received', %(external)s
    WHERE NOT EXISTS (SELECT FROM access_requests WHERE external_id = %(external)s)
    ON CONFLICT (external_id) DO NOTHING
    RETURNING id
"""
_FIND = f"""
    SELECT {_COLUMNS} FROM erasures LEFT JOIN apps ON apps.id = app_id
    WHERE erasures.id = %(id)s::uuid OR external_id = %(external_id)s
"""
_LIST = f"""
    SELECT {_COLUMNS} FROM erasures LEFT JOIN apps ON apps.id = app_id
    WHERE app_id = %(app)s ORDER BY requested_at DESC, erasures.id DESC LIMIT %(count)s
"""
_CANCEL = """
    UPDATE erasures SET state = 'cancelled', subject = NULL WHERE id = %s AND state = 'received'
"""
_LIFT = """
    DELETE FROM tombstones
    WHERE digest = ANY(%(digests)s) OR erasure_id IN (
        SELECT erasure_id FROM tombstones WHERE digest = ANY(%(digests)s)
    )
    RETURNING digest
"""


def request_erasure(
    resources: Resources,
    actor: Actor,
    app: App,
    wanted: WantedErasure,
    now_ms: int,
) -> ErasureRecord:
    """Requests that a person be erased for good, or a test device reset.

    Raises OperatorError for another installation key, RequestTaken if another system's ID has a
    request already, and NotAllowed for a viewer.
    """
    require_admin(actor)
    connection, id_ = resources.connection, new_receipt(now_ms)
    with transaction(connection):
        proof = [digest.hex() for digest in _digests(resources, app, wanted.ids)]
        subject = msgspec.json.encode(list(wanted.ids)).decode()
        row = {
            "id": id_,
            "app": app.id,
            "action": wanted.action,
            "source": actor.name,
            "subject": subject,
            "proof": proof,
            "external": wanted.external_id,
        }
        if wanted.external_id is not None:
            lock_app(connection, app)
        if run(connection, _INSERT, row).fetchone() is None:
            raise RequestTaken
        is_erasure = wanted.action is ErasureAction.ERASE
        kind = Action.USER_ERASE if is_erasure else Action.USER_RESET
        record_change(connection, actor, app.id, Change(kind, str(id_), None, {"proof": proof}))
    enqueue(resources.redis, "erase")
    return find_erasure(connection, id_)


def find_erasure(connection: Connection, id_: UUID) -> ErasureRecord:
    """Finds a request. Raises OperatorError if there is none."""
    rows = named_rows(connection, _FIND, {"id": id_, "external_id": None})
    if not rows:
        raise OperatorError("There is no such request. Compare its ID with the list of requests.")
    return ErasureRecord(**rows[0])


def find_external(connection: Connection, external_id: str) -> ErasureRecord | None:
    """Finds a request by the ID that another system gave it."""
    rows = named_rows(connection, _FIND, {"id": None, "external_id": external_id})
    return ErasureRecord(**rows[0]) if rows else None


def list_erasures(connection: Connection, app: App, count: int) -> list[ErasureRecord]:
    """Returns the last requests of an app, newest first."""
    rows = named_rows(connection, _LIST, {"app": app.id, "count": count})
    return [ErasureRecord(**row) for row in rows]


def cancel_erasure(resources: Resources, actor: Actor, app_id: int, id_: UUID) -> bool:
    """Cancels a request that no worker has begun; tells whether it was in time."""
    require_admin(actor)
    with transaction(resources.connection) as connection:
        if not run(connection, _CANCEL, (id_,)).rowcount:
            return False
        states = {"state": "received"}, {"state": "cancelled"}
        record_change(
            connection, actor, app_id, Change(Action.USER_ERASE_CANCEL, str(id_), *states)
        )
    return True


def allow_again(resources: Resources, actor: Actor, app: App, ids: Sequence[PersonId]) -> int:
    """Lets the data of an erased person be stored again; returns how many tombstones it lifts.

    What was erased stays erased. Raises OperatorError if none of the ids has a tombstone, and
    NotAllowed for a viewer.
    """
    require_admin(actor)
    with publishing_transaction(resources):
        connection, digests = resources.connection, _digests(resources, app, ids)
        rows = run(connection, _LIFT, {"digests": digests}).fetchall()
        if not rows:
            raise OperatorError(
                "Nobody with this ID was erased in this app. Check the ID, letter by letter."
            )
        if resources.erasure_log is not None:
            key = read_tombstone_key(connection, resources.secret_key)
            assert key is not None  # the digests were made under it
            lifted = LoggedAllowance([bytes(digest).hex() for (digest,) in rows])
            resources.erasure_log.append(connection, key, lifted)
        proof = [digest.hex() for digest in digests]
        change = Change(Action.USER_ALLOW, app.name, {"proof": proof}, None)
        record_change(connection, actor, app.id, change)
        resources.redis.srem(
            resources.redis.names.forgotten, *(bytes(digest) for (digest,) in rows)
        )
    return len(rows)


def _digests(resources: Resources, app: App, ids: Sequence[PersonId]) -> list[bytes]:
    require_key(resources.connection, resources.secret_key)
    key = read_tombstone_key(resources.connection, resources.secret_key)
    assert key is not None  # require_key has made one
    return [id_digest(key, app.id, identity) for identity in ids]
