"""Erases again, in a restored installation, whoever was erased after its backup.

Tombstones come first, then a request for each erasure that the backup does not know, with the ids
that its digests stand for. What was allowed again since is allowed at the end.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from console.resources import Resources
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.privacy.digest_search import find_ids
from shared.privacy.erasure_log import LogContents, LoggedAllowance, LoggedErasure, owner_check
from shared.privacy.identities import id_digest
from shared.privacy.tombstones import publish_forgotten, read_tombstone_key

SOURCE = "restore"

_BURY = """
INSERT INTO tombstones (digest, app_id, kind, reason, erasure_id)
SELECT decode(digest, 'hex'), %(app)s, kind, 'erased', %(erasure)s
FROM unnest(%(digests)s::text[], %(kinds)s::text[]) AS logged (digest, kind)
ON CONFLICT (digest) DO UPDATE SET reason = excluded.reason, erasure_id = excluded.erasure_id
WHERE tombstones.reason <> 'erased'
"""
# Also of ids that no table knows: a device may have made a choice and nothing else.
_FORGET_CHOICES = """
DELETE FROM sharing_choices
WHERE digest IN (SELECT decode(each, 'hex') FROM unnest(%(digests)s::text[]) AS logged (each))
"""
_REQUEST = """
INSERT INTO erasures (id, app_id, action, source, subject, proof, state, requested_at)
VALUES (%s, %s, 'erase', %s, %s, %s, 'received', %s)
"""
_LIFT = """
DELETE FROM tombstones
WHERE digest = ANY(%(digests)s) OR erasure_id IN (
    SELECT erasure_id FROM tombstones WHERE digest = ANY(%(digests)s)
    EXCEPT
    SELECT erasure_id FROM tombstones WHERE digest = ANY(%(buried)s)
)
RETURNING digest
"""


@dataclass
class _Missing:
    """An erasure that a backup does not know: its first line, and all its digests."""

    first: LoggedErasure
    digests: set[bytes] = field(default_factory=set)


def erase_again(resources: Resources, log: LogContents, finish: Callable[[], None]) -> int:
    """Erases whoever the log names and the tables still have; returns the number of erasures.

    `finish` carries out every erasure that was requested. Raises OperatorError if the log belongs
    to another installation.
    """
    connection = resources.connection
    key = read_tombstone_key(connection, resources.secret_key)
    if key is None or owner_check(key) != log.owner:
        raise OperatorError(
            "The log of erasures belongs to another installation. Name the log of the "
            "installation that was backed up with --erasure-log."
        )
    missing = _missing_erasures(connection, log.entries)
    subjects = {
        app_id: find_ids(connection, key, app_id, set().union(*(each.digests for each in group)))
        for app_id, group in _by_app(missing.values()).items()
    }
    with transaction(connection):
        for entry in log.entries:
            if isinstance(entry, LoggedErasure):
                burial = _burial(entry)
                run(connection, _BURY, burial)
                run(connection, _FORGET_CHOICES, burial)
        for id_, erasure in missing.items():
            first = erasure.first
            ids = [
                each
                for each in subjects[first.app_id]
                if id_digest(key, first.app_id, each) in erasure.digests
            ]
            subject = msgspec.json.encode(sorted(ids)).decode()
            values = (id_, first.app_id, SOURCE, subject, first.proof, first.requested_at)
            run(connection, _REQUEST, values)
    finish()
    _allow_again(resources, log.entries)
    publish_forgotten(connection, resources.redis)
    return len(missing)


def _missing_erasures(
    connection: Connection, entries: Iterable[LoggedErasure | LoggedAllowance]
) -> dict[UUID, _Missing]:
    known = {id_ for (id_,) in run(connection, "SELECT id FROM erasures")}
    missing: dict[UUID, _Missing] = {}
    for entry in entries:
        if isinstance(entry, LoggedErasure) and entry.erasure_id not in known:
            erasure = missing.setdefault(entry.erasure_id, _Missing(entry))
            erasure.digests.update(bytes.fromhex(digest) for _, digest in entry.digests)
    return missing


def _by_app(missing: Iterable[_Missing]) -> dict[int, list[_Missing]]:
    groups: dict[int, list[_Missing]] = defaultdict(list)
    for erasure in missing:
        groups[erasure.first.app_id].append(erasure)
    return groups


def _burial(entry: LoggedErasure) -> dict[str, object]:
    return {
        "app": entry.app_id,
        "erasure": entry.erasure_id,
        "kinds": [kind for kind, _ in entry.digests],
        "digests": [digest for _, digest in entry.digests],
    }


def _allow_again(resources: Resources, entries: Sequence[LoggedErasure | LoggedAllowance]) -> None:
    """Lifts the tombstones of digests of which the log's last word is that they are allowed."""
    is_allowed: dict[str, bool] = {}
    for entry in entries:
        if isinstance(entry, LoggedErasure):
            is_allowed |= {digest: False for _, digest in entry.digests}
        else:
            is_allowed |= dict.fromkeys(entry.digests, True)
    arguments = {
        "digests": [bytes.fromhex(each) for each, allowed in is_allowed.items() if allowed],
        "buried": [bytes.fromhex(each) for each, allowed in is_allowed.items() if not allowed],
    }
    lifted = [bytes(digest) for (digest,) in run(resources.connection, _LIFT, arguments)]
    if lifted:
        resources.redis.srem(resources.redis.names.forgotten, *lifted)
