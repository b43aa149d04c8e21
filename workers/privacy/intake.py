"""Takes what devices and backends ask for about their data from Redis into the tables."""

import logging
from uuid import UUID

import msgspec

from shared.database import Connection, DatabaseError, run, sqlstate, transaction
from shared.ids import receipt_floor
from shared.privacy.identities import id_digest
from shared.privacy.requests import (
    BEFORE_ALL,
    PrivacyAction,
    PrivacyRequest,
    delete_request,
    waiting_requests,
)
from shared.privacy.sharing import PARTNERS_MAX
from shared.privacy.tombstones import TombstoneReason, buried, bury, read_tombstone_key
from shared.publishing import require_key
from shared.redis import Redis
from workers.core.faults import Disposition, disposition

_HAS_UNFINISHED = "SELECT EXISTS (SELECT FROM erasures WHERE state IN ('received', 'running'))"
_INSERT_ERASURE = """
INSERT INTO erasures (id, app_id, action, source, subject, proof, state)
VALUES (%s, %s, 'erase', %s, %s, %s, 'received') ON CONFLICT DO NOTHING
"""
_log = logging.getLogger(__name__)
_NOT_STORED = "A request about somebody's data cannot be stored: %s (SQLSTATE %s)"

_LIFT = "DELETE FROM tombstones WHERE digest = ANY(%s) AND reason = 'unmeasured'"
# A partner's newer choice replaces its older one, and leaves those of other partners. Beyond what a
# request may name nothing is added: a row would grow with every request of a stranger.
_CHOOSE = """
INSERT INTO sharing_choices (digest, app_id, is_shared, partners, options, chosen_at)
SELECT digest, %(app)s, %(shared)s, %(partners)s, %(options)s,
       to_timestamp(%(at_ms)s::bigint / 1000.0)
FROM unnest(%(digests)s::bytea[]) AS sent (digest)
ORDER BY digest
ON CONFLICT (digest) DO UPDATE SET
    is_shared = coalesce(excluded.is_shared, sharing_choices.is_shared),
    partners = CASE
        WHEN (SELECT count(*) FROM jsonb_object_keys(sharing_choices.partners || excluded.partners))
            <= %(partners_max)s
        THEN sharing_choices.partners || excluded.partners ELSE sharing_choices.partners
    END,
    options = CASE
        WHEN (SELECT count(*) FROM jsonb_object_keys(sharing_choices.options || excluded.options))
            <= %(partners_max)s
        THEN sharing_choices.options || excluded.options ELSE sharing_choices.options
    END,
    chosen_at = excluded.chosen_at
WHERE sharing_choices.chosen_at <= excluded.chosen_at
"""


def take_in_requests(connection: Connection, redis: Redis, secret_key: bytes) -> int:
    """Takes in everything that waits, and returns how many requests that were.

    What cannot be read or stored keeps nobody else waiting. A choice that PostgreSQL does not take
    is dropped; a request to be forgotten never is.
    """
    taken, after = 0, BEFORE_ALL
    while requests := waiting_requests(redis, after):
        after = requests[-1][0]
        for entry_id, request in requests:
            if request is None:
                _log.error("A request about somebody's data cannot be read: %s", entry_id)
                continue
            try:
                with transaction(connection):
                    require_key(connection, secret_key)
                    key = read_tombstone_key(connection, secret_key)
                    assert key is not None  # require_key has made one
                    _take_in(connection, key, entry_id, request)
            except DatabaseError as error:
                if disposition(sqlstate(error)) is not Disposition.ISOLATE:
                    raise
                _log.error(_NOT_STORED, entry_id, sqlstate(error))
                if request.action is PrivacyAction.FORGET:
                    continue
            else:
                taken += 1
            delete_request(redis, entry_id)
    return taken


def _take_in(connection: Connection, key: bytes, entry_id: str, request: PrivacyRequest) -> None:
    app_id, ids = request.app_id, request.ids
    digests = [id_digest(key, app_id, each) for each in ids]
    erased = buried(connection, digests)
    if request.action is PrivacyAction.FORGET:
        subject = msgspec.json.encode(ids).decode()
        proof = [digest.hex() for digest in digests]
        # Derived from the entry, so that it is taken in once.
        time_ms, _, sequence = entry_id.partition("-")
        id_ = UUID(int=receipt_floor(int(time_ms)).int | int(sequence))
        row = (id_, app_id, request.source, subject, proof)
        run(connection, _INSERT_ERASURE, row)
    elif request.action is PrivacyAction.MEASUREMENT:
        if request.is_on:
            run(connection, _LIFT, (digests,))
        else:
            bury(connection, key, app_id, ids, TombstoneReason.UNMEASURED)
    elif not erased:
        choice = {
            "app": app_id,
            "shared": request.is_on,
            "partners": msgspec.json.encode(request.partners).decode(),
            "options": msgspec.json.encode(request.options).decode(),
            "at_ms": request.at_ms,
            "digests": digests,
            "partners_max": PARTNERS_MAX,
        }
        run(connection, _CHOOSE, choice)


def has_unfinished_erasures(connection: Connection) -> bool:
    """Tells whether an erasure waits for a worker."""
    [(found,)] = run(connection, _HAS_UNFINISHED).fetchall()
    return bool(found)
