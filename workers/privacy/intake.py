"""Takes what devices and backends ask for about their data from Redis into the tables."""

from uuid import UUID

import msgspec

from shared.database import Connection, run, transaction
from shared.ids import receipt_floor
from shared.privacy.identities import id_digest
from shared.privacy.requests import (
    PrivacyAction,
    PrivacyRequest,
    delete_request,
    waiting_requests,
)
from shared.privacy.tombstones import TombstoneReason, buried, bury, read_tombstone_key
from shared.publishing import require_key
from shared.redis import Redis

_INSERT_ERASURE = """
INSERT INTO erasures (id, app_id, action, source, subject, proof, state)
VALUES (%s, %s, 'erase', %s, %s, %s, 'received') ON CONFLICT DO NOTHING
"""
_LIFT = "DELETE FROM tombstones WHERE digest = ANY(%s) AND reason = 'unmeasured'"
# A partner's newer choice replaces its older one, and leaves those of other partners.
_CHOOSE = """
INSERT INTO sharing_choices (digest, app_id, is_shared, partners, options, chosen_at)
SELECT digest, %(app)s, %(shared)s, %(partners)s, %(options)s,
       to_timestamp(%(at_ms)s::bigint / 1000.0)
FROM unnest(%(digests)s::bytea[]) AS sent (digest)
ORDER BY digest
ON CONFLICT (digest) DO UPDATE SET
    is_shared = coalesce(excluded.is_shared, sharing_choices.is_shared),
    partners = sharing_choices.partners || excluded.partners,
    options = sharing_choices.options || excluded.options,
    chosen_at = excluded.chosen_at
WHERE sharing_choices.chosen_at <= excluded.chosen_at
"""


def take_in_requests(connection: Connection, redis: Redis, secret_key: bytes) -> int:
    """Takes in everything that waits, and returns how many requests that were."""
    taken = 0
    while requests := waiting_requests(redis):
        for entry_id, request in requests:
            with transaction(connection):
                require_key(connection, secret_key)
                key = read_tombstone_key(connection, secret_key)
                assert key is not None  # require_key has made one
                _take_in(connection, key, entry_id, request)
            delete_request(redis, entry_id)
        taken += len(requests)
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
        }
        run(connection, _CHOOSE, choice)
