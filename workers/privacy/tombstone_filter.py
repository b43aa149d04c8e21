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

from shared.database import Connection, DatabaseError, run, transaction
from shared.events import Event
from shared.privacy.identities import id_digest, ids_of_event
from shared.privacy.tombstones import buried, read_tombstone_key
from shared.privacy.truncation import as_stored
from shared.redis import Redis, RedisError
from workers.privacy.stored_copies import delete_seen_markers
from workers.sql.expressions import from_ms

LATE_KEY = "waybill:forgotten:late"  # set: Redis's log has held something of an erased person
_LOCK = 7_246_009
_LOOK = """
SELECT EXISTS (SELECT FROM tombstones), ARRAY(SELECT id FROM apps WHERE truncate_addresses)
"""
_INSERT_WITHHELD = f"""
INSERT INTO withheld_events (receipt, app_id, received_at)
SELECT receipt, app_id, {from_ms("received_at_ms")}
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS sent (receipt, app_id, received_at_ms)
ON CONFLICT DO NOTHING
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
        run(connection, "SELECT pg_advisory_lock_shared(%s)", (_LOCK,))
        try:
            yield self._without_erased(connection, events)
        finally:
            with suppress(DatabaseError):  # a connection that is lost holds no lock
                run(connection, "SELECT pg_advisory_unlock_shared(%s)", (_LOCK,))

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
            with suppress(RedisError):  # both are written anew some day anyhow
                self._forget_late(connection, withheld)
        return [event for event, own in pairs if erased.isdisjoint(own)]

    def _forget_late(self, connection: Connection, withheld: Sequence[Event]) -> None:
        """Deletes what Redis noted of these events when ingest accepted them."""
        self.redis.set(LATE_KEY, "1")
        by_app: dict[int, list[Event]] = defaultdict(list)
        for event in withheld:
            by_app[event.app_id].append(event)
        for app_id, events in by_app.items():
            users = {(event.environment.value, event.user_id) for event in events}
            now_ms = max(event.received_at_ms for event in events)
            delete_seen_markers(connection, self.redis, app_id, sorted(users), now_ms)


def wait_for_batches(connection: Connection) -> None:
    """Waits until every batch has ended that may not have seen the tombstones committed by now."""
    with transaction(connection):
        run(connection, "SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
