"""Looks for whom an erasure is about, and buries ids in all places that know tombstones."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from shared.database import Connection, run
from shared.privacy.erasure_log import ErasureLog, LoggedErasure
from shared.privacy.identities import IdKind, PersonId, id_digest
from shared.privacy.person import look_for
from shared.privacy.subject import Subject
from shared.privacy.tombstones import TombstoneReason, bury, read_tombstone_key
from shared.publishing import publish_snapshot, require_key
from shared.redis import Redis

_REQUEST = "SELECT requested_at, proof FROM erasures WHERE id = %s"
_FORGET_CHOICES = "DELETE FROM sharing_choices WHERE digest = ANY(%s)"


@dataclass(frozen=True)
class Burial:
    """The stores that know tombstones: the tables, Redis, and the log outside of both."""

    connection: Connection
    redis: Redis
    secret_key: bytes
    log: ErasureLog | None

    def look(self, erasure_id: UUID, app_id: int, ids: frozenset[PersonId]) -> Subject:
        """Looks once for whom these ids lead to, of which the request has named some."""
        key = self._key()
        [(_, proof)] = run(self.connection, _REQUEST, (erasure_id,)).fetchall()
        named = {each for each in ids if id_digest(key, app_id, each).hex() in proof}
        return look_for(self.connection, app_id, ids, frozenset(named))

    def bury(self, erasure_id: UUID, app_id: int, ids: Collection[PersonId]) -> None:
        """Buries ids, and has ingest refuse them, in the open transaction."""
        connection, key = self.connection, self._key()
        lasting = [each for each in ids if each.kind is not IdKind.EVENT]
        digests = bury(connection, key, app_id, lasting, TombstoneReason.ERASED, erasure_id)
        if self.log is not None and lasting:
            [(requested_at, proof)] = run(connection, _REQUEST, (erasure_id,)).fetchall()
            pairs = [
                (str(each.kind), id_digest(key, app_id, each).hex()) for each in sorted(lasting)
            ]
            entry = LoggedErasure(erasure_id, app_id, requested_at, proof, pairs)
            # Before anything is erased: should this transaction fail, the request stays.
            self.log.append(connection, key, entry)
        run(connection, _FORGET_CHOICES, (digests,))
        if digests:
            self.redis.sadd(self.redis.names.forgotten, *digests)
        publish_snapshot(connection, self.redis, self.secret_key)

    def _key(self) -> bytes:
        require_key(self.connection, self.secret_key)
        key = read_tombstone_key(self.connection, self.secret_key)
        assert key is not None  # require_key has made one
        return key
