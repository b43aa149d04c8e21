"""Leaves out of a batch what must not be stored: events of people who have a tombstone.

What an app does not want to keep of an address is left out too: ingest has done so, unless the app
changed its mind while the event waited, or the event came another way.

An erasure must not miss a batch that was being stored when its tombstones were written. So a batch
holds a lock, shared with other batches, from this look until its decisions are made; the erasure
waits for it (`wait_for_batches`) before it looks for rows.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import msgspec

from shared.database import Connection, DatabaseError, run, transaction
from shared.events import CLICK_KINDS, Event
from shared.privacy.identities import IdKind, PersonId, id_digest, ids_of_event
from shared.privacy.tombstones import buried, read_tombstone_key
from shared.privacy.truncation import as_stored
from shared.redis import Redis, RedisError
from shared.shards.advisory_locks import AdvisoryLock, lock, share_session, unshare_session
from workers.privacy.stored_copies import delete_seen_markers
from workers.sql.expressions import from_ms

_LOOK = """
SELECT EXISTS (SELECT FROM tombstones), ARRAY(SELECT id FROM apps WHERE truncate_addresses)
"""
_INSERT_WITHHELD = f"""
INSERT INTO withheld_events (receipt, app_id, received_at)
SELECT receipt, app_id, {from_ms("received_at_ms")}
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS sent (receipt, app_id, received_at_ms)
ON CONFLICT DO NOTHING
"""

_RUNNING = """
SELECT id, app_id, proof FROM erasures
WHERE state IN ('received', 'running') AND action = 'erase' AND app_id = ANY(%s)
"""
_ADD_IDS = """
UPDATE erasures SET subject = coalesce(subject, '[]') || %s::jsonb
WHERE id = %s AND state IN ('received', 'running')
"""


@dataclass(frozen=True, slots=True)
class TombstoneFilter:
    """The look at tombstones before a batch is stored. Without tombstones it costs two lookups."""

    secret_key: bytes
    redis: Redis

    @contextmanager
    def admitted(
        self, connection: Connection, events: Sequence[Event]
    ) -> Iterator[Sequence[Event]]:
        """Yields the events that may be stored, with the lock held. Raises DatabaseError."""
        share_session(connection, AdvisoryLock.STORE_EVENTS)
        try:
            yield self._without_erased(connection, events)
        finally:
            with suppress(DatabaseError):  # a connection that is lost holds no lock
                unshare_session(connection, AdvisoryLock.STORE_EVENTS)

    def _without_erased(self, connection: Connection, events: Sequence[Event]) -> Sequence[Event]:
        [(any_tombstone, truncating_apps)] = run(connection, _LOOK).fetchall()
        if truncating_apps:
            events = [as_stored(event, truncating_apps) for event in events]
        key = read_tombstone_key(connection, self.secret_key) if any_tombstone else None
        if key is None:
            return events
        digests = [
            {id_digest(key, event.app_id, each) for each in ids_of_event(event)} for event in events
        ]
        erased = buried(connection, set().union(*digests))
        pairs = list(zip(events, digests, strict=True))
        withheld = [event for event, own in pairs if not erased.isdisjoint(own)]
        if withheld:
            columns = [(event.receipt, event.app_id, event.received_at_ms) for event in withheld]
            run(connection, _INSERT_WITHHELD, [list(each) for each in zip(*columns, strict=True)])
            _tell_erasures(connection, pairs, erased)
            with suppress(RedisError):  # both are written anew some day anyhow
                self._forget_late(connection, withheld)
        return [event for event, own in pairs if erased.isdisjoint(own)]

    def _forget_late(self, connection: Connection, withheld: Sequence[Event]) -> None:
        """Deletes what Redis noted of these events when ingest accepted them."""
        # Redis's log has held something of an erased person.
        self.redis.set(self.redis.names.forgotten_late, "1")
        by_app: dict[int, list[Event]] = defaultdict(list)
        for event in withheld:
            by_app[event.app_id].append(event)
        for app_id, events in by_app.items():
            users = {(event.environment.value, event.user_id) for event in events}
            now_ms = max(event.received_at_ms for event in events)
            delete_seen_markers(connection, self.redis, app_id, sorted(users), now_ms)


def _tell_erasures(
    connection: Connection, pairs: Sequence[tuple[Event, set[bytes]]], erased: set[bytes]
) -> None:
    """Gives the erasures that are being carried out the ids to which one that was named leads.

    An event that waited is all that says whose a device is: it is not stored, and others of its
    user, who did not send the id each time, must not be either.
    """
    apps = {event.app_id for event, own in pairs if not erased.isdisjoint(own)}
    for erasure_id, app_id, proof in run(connection, _RUNNING, (sorted(apps),)).fetchall():
        named = {bytes.fromhex(digest) for digest in proof} & erased
        ids = {
            PersonId(IdKind.CLICK, event.click_id or "")
            if event.kind in CLICK_KINDS
            else PersonId(IdKind.USER, event.user_id)
            for event, own in pairs
            if event.app_id == app_id and not named.isdisjoint(own)
        }
        if ids:
            run(connection, _ADD_IDS, (msgspec.json.encode(sorted(ids)).decode(), erasure_id))


def wait_for_batches(connection: Connection) -> None:
    """Waits until every batch has ended that may not have seen the tombstones committed by now."""
    with transaction(connection):
        lock(connection, AdvisoryLock.STORE_EVENTS)
