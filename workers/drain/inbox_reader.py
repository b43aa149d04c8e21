"""Reads, claims, holds and acknowledges entries of the inbox, as a consumer of its stream.

An entry belongs to the worker that read it until it is acknowledged, or until the worker has been
silent for `claim_idle_ms`; then another worker claims it and its count of deliveries rises by one.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, cast

from shared.inbox import (
    GROUP,
    WAKE_MS,
    Entry,
    read_entry,
)
from shared.limits.app_shares import release_parked
from shared.redis import Redis, RedisError, ResponseError, StreamEntries, stream_entries
from workers.drain.acknowledgement import acknowledge

READ_ENTRIES_MAX = 64  # of any size
# Of small entries. With few senders an entry holds one event, and 64 events are too small a batch:
# a worker then stores a third of what it can.
SMALL_ENTRIES_MAX = 512

# Deletes consumers that hold nothing and have been silent. Checks and deletes in one step, because
# deleting a consumer that holds entries would lose them.
_DELETE_CONSUMERS = """
local deleted = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local field = {}
  for i = 1, #consumer, 2 do field[consumer[i]] = consumer[i + 1] end
  if field['pending'] == 0 and field['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], field['name'])
    deleted = deleted + 1
  end
end
return deleted
"""


# A worker that was stopped and goes on when another has acknowledged the entry notes nothing.
_NOTE_SUSPECT = """
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 1 then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
"""


class Waiting(NamedTuple):
    """The number of events that wait, of entries in the inbox, and of events that are parked."""

    events: int
    entries: int
    parked: int


class InboxReader:
    """A consumer of the inbox, named after its worker, which runs one job at a time."""

    def __init__(self, redis: Redis, consumer: str, claim_idle_ms: int) -> None:
        self._redis = redis
        self._names = redis.names
        self._consumer = consumer
        self._claim_idle_ms = claim_idle_ms

    def read(self, block_ms: int | None, entries_max: int = READ_ENTRIES_MAX) -> list[Entry]:
        """Reads new entries; waits up to `block_ms` for the first, or not at all if None."""
        try:
            reply = self._read_new(block_ms, entries_max)
        except ResponseError:
            # No consumer group: this is the first drain ever, or Redis has lost its data.
            self.make_group()
            reply = self._read_new(block_ms, entries_max)
        entries = stream_entries(reply[0][1]) if reply else []
        return [read_entry(entry_id, fields, 1, self._names.shard) for entry_id, fields in entries]

    def claim_own(self) -> list[Entry]:
        """Claims what this worker still held when an earlier job of it ended."""
        return self._claim(0, self._consumer)

    def claim_abandoned(self) -> list[Entry]:
        """Claims what workers hold that have been silent too long."""
        return self._claim(self._claim_idle_ms, None)

    @contextmanager
    def hold(self, entries: Sequence[Entry]) -> Iterator[None]:
        """Keeps the claim on these entries fresh, however long the work on them takes."""
        stop = threading.Event()

        def refresh_claims() -> None:
            while not stop.wait(self._claim_idle_ms / 3000):
                with suppress(RedisError):  # at worst another worker repeats the work
                    self._claim_again(entries)

        thread = threading.Thread(target=refresh_claims, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def renew(self, entries: Sequence[Entry]) -> None:
        """Renews the claim on entries that are set aside here."""
        if entries:
            self._claim_again(entries)

    def reset_deliveries(self, entries: Sequence[Entry]) -> None:
        """Resets the delivery counts: PostgreSQL was unavailable, so no event is to blame."""
        self._claim_again(entries, deliveries=0)
        self._redis.hdel(self._names.suspects, *[entry.id for entry in entries])

    def release(self, entries: Sequence[Entry]) -> None:
        """Gives entries up at once, as if they had not been delivered this time."""
        for deliveries in {entry.deliveries for entry in entries}:
            ids: list[Any] = [entry.id for entry in entries if entry.deliveries == deliveries]
            self._redis.xclaim(
                self._names.inbox, GROUP, self._consumer, 0, ids,
                idle=2 * self._claim_idle_ms, retrycount=deliveries - 1, justid=True,
            )  # fmt: skip

    def ack(self, entries: Sequence[Entry]) -> None:
        """Acknowledges entries, whose events are all stored, and removes them from the inbox."""
        acknowledge(self._redis, entries)
        taken_apart = [entry.id for entry in entries if entry.deliveries > 1]
        if taken_apart:
            self._redis.hdel(self._names.suspects, *taken_apart)

    def suspect(self, entry: Entry) -> int | None:
        """Returns the index of the event that was being tried when its worker died, if any."""
        noted = int(self._redis.hget(self._names.suspects, entry.id) or -1)
        return noted if noted >= 0 else None

    def progress(self, entry: Entry) -> int:
        """Returns the index of the event at which an earlier drain stopped, 0 if none did."""
        return max(0, -int(self._redis.hget(self._names.suspects, entry.id) or 0))

    def note_suspect(self, entry: Entry, index: int) -> None:
        """Notes which event of an entry is about to be tried."""
        script = self._redis.register_script(_NOTE_SUSPECT)
        script(keys=[self._names.inbox, self._names.suspects], args=[entry.id, index])

    def note_progress(self, entry: Entry, index: int) -> None:
        """Notes at which event another drain goes on, of which nothing is suspected."""
        self.note_suspect(entry, -index)

    def forget_suspect(self, entry: Entry) -> None:
        """Forgets which event was being tried: the worker lives, so it did not kill the worker."""
        self._redis.hdel(self._names.suspects, entry.id)

    def refresh_wake_flag(self) -> None:
        """Notes that a drain is running and will look again, so that nobody enqueues another."""
        self._redis.set(self._names.wake, "1", px=WAKE_MS)

    def clear_wake_flag(self) -> None:
        """Clears the flag: from now on, whoever adds an entry enqueues a drain."""
        self._redis.delete(self._names.wake)

    def waiting(self) -> Waiting:
        """Measures what waits."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.get(self._names.backlog)
            pipeline.xlen(self._names.inbox)
            pipeline.hvals(self._names.parked)
            events, entries, parked = pipeline.execute()
        return Waiting(int(events or 0), entries, sum(map(int, parked)))

    def release_parked(self, events_max: int, share_events: int) -> bool:
        """Releases events of apps that have parked some; tells whether any are still parked.

        `share_events` is what the inbox takes of such an app before its batches are parked.
        """
        return bool(release_parked(self._redis, GROUP, events_max, share_events))

    def delete_consumers(self, silent_ms: int) -> int:
        """Deletes the consumers of workers that are gone and hold nothing."""
        self.make_group()
        script = self._redis.register_script(_DELETE_CONSUMERS)
        return int(script(keys=[self._names.inbox], args=[GROUP, silent_ms]))

    def make_group(self) -> None:
        """Creates the consumer group unless it exists."""
        with suppress(ResponseError):  # it exists already
            self._redis.xgroup_create(self._names.inbox, GROUP, id="0", mkstream=True)

    def _read_new(
        self, block_ms: int | None, entries_max: int
    ) -> list[tuple[bytes, StreamEntries]]:
        return self._redis.xreadgroup(  # type: ignore[return-value]  # typed for every protocol
            GROUP, self._consumer, {self._names.inbox: ">"}, entries_max, block_ms
        )

    def _claim(self, idle_ms: int, consumer: str | None) -> list[Entry]:
        try:
            pending = self._redis.xpending_range(
                self._names.inbox, GROUP, "-", "+", READ_ENTRIES_MAX, consumer, idle_ms or None
            )
        except ResponseError:
            return []
        if not pending:
            return []
        deliveries = {
            str(message["message_id"], "ascii"): int(message["times_delivered"]) + 1
            for message in cast(list[dict[str, Any]], pending)
        }
        ids: list[Any] = list(deliveries)
        claimed = self._redis.xclaim(self._names.inbox, GROUP, self._consumer, idle_ms, ids)
        return [
            read_entry(entry_id, fields, deliveries[entry_id.decode()], self._names.shard)
            for entry_id, fields in stream_entries(claimed)
        ]

    def _claim_again(self, entries: Sequence[Entry], deliveries: int | None = None) -> None:
        """Renews the claim on entries without counting it as another delivery."""
        ids: list[Any] = [entry.id for entry in entries]
        self._redis.xclaim(
            self._names.inbox, GROUP, self._consumer, 0, ids, retrycount=deliveries, justid=True
        )
