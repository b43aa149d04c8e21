"""The workers' side of the inbox: read, claim, hold, settle.

An entry belongs to the worker that read it until it is settled, or until the worker has been silent
for `claim_idle_ms`; then another takes it over and its count of deliveries rises by one.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

from shared.inbox import (
    ACK,
    ACK_KEYS,
    BACKLOG_KEY,
    GROUP,
    INBOX_KEY,
    WAKE_KEY,
    WAKE_MS,
    Entry,
    read_entry,
)
from shared.redis import Redis, RedisError, ResponseError, StreamEntries, stream_entries

READ_ENTRIES_MAX = 64  # of any size
# Of small ones. Senders that are few leave an event an entry, and 64 of them are no batch: a worker
# then stores a third of what it can.
SMALL_ENTRIES_MAX = 512
SUSPECTS_KEY = "waybill:suspects"

# Deletes consumers that hold nothing and have been silent: checked and done in one step, because
# deleting one that holds entries would lose them.
_FORGET = """
local forgotten = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local field = {}
  for i = 1, #consumer, 2 do field[consumer[i]] = consumer[i + 1] end
  if field['pending'] == 0 and field['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], field['name'])
    forgotten = forgotten + 1
  end
end
return forgotten
"""


class InboxReader:
    """`consumer` is the worker's name: it works on one job at a time."""

    def __init__(self, redis: Redis, consumer: str, claim_idle_ms: int) -> None:
        self._redis = redis
        self._consumer = consumer
        self._claim_idle_ms = claim_idle_ms

    def read(self, block_ms: int | None, entries_max: int = READ_ENTRIES_MAX) -> list[Entry]:
        """New entries; waits up to `block_ms` for the first, None: not at all."""
        reply = self._read_group(block_ms, entries_max)
        entries = stream_entries(reply[0][1]) if reply else []
        return [read_entry(entry_id, fields, 1) for entry_id, fields in entries]

    def claim_own(self) -> list[Entry]:
        """What this worker held when an earlier job of it ended."""
        return self._claim(0, self._consumer)

    def claim_abandoned(self) -> list[Entry]:
        """What a worker held that has been silent too long."""
        return self._claim(self._claim_idle_ms, None)

    @contextmanager
    def hold(self, entries: Sequence[Entry]) -> Iterator[None]:
        """Keep the claim on these fresh, however long the work on them takes."""
        stop = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(entries, stop), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            stop.set()
            keeper.join()

    def reset_deliveries(self, entries: Sequence[Entry]) -> None:
        """Count these deliveries as none: PostgreSQL was away, so no event is to blame."""
        self._claim_again(entries, deliveries=0)
        self._redis.hdel(SUSPECTS_KEY, *[entry.id for entry in entries])

    def release(self, entries: Sequence[Entry]) -> None:
        """Let another worker have these at once, as if they had not been delivered this time."""
        for deliveries in {entry.deliveries for entry in entries}:
            ids: list[Any] = [entry.id for entry in entries if entry.deliveries == deliveries]
            self._redis.xclaim(
                INBOX_KEY, GROUP, self._consumer, 0, ids,
                idle=2 * self._claim_idle_ms, retrycount=deliveries - 1, justid=True,
            )  # fmt: skip

    def ack(self, entries: Sequence[Entry]) -> None:
        """Remove what is stored."""
        arguments: list[str | int] = [GROUP]
        for entry in entries:
            arguments += (entry.id, entry.count)
        self._redis.register_script(ACK)(keys=ACK_KEYS, args=arguments)
        taken_apart = [entry.id for entry in entries if entry.deliveries > 1]
        if taken_apart:
            self._redis.hdel(SUSPECTS_KEY, *taken_apart)

    def suspect(self, entry: Entry) -> int | None:
        """Which event of a batch was being tried when its worker died."""
        index = self._redis.hget(SUSPECTS_KEY, entry.id)
        return None if index is None else int(index)

    def note_suspect(self, entry: Entry, index: int) -> None:
        self._redis.hset(SUSPECTS_KEY, entry.id, str(index))

    def refresh_wake_flag(self) -> None:
        """A drain is at work and will look again: nobody needs to ask for another."""
        self._redis.set(WAKE_KEY, "1", px=WAKE_MS)

    def clear_wake_flag(self) -> None:
        """From here on, whoever adds an entry asks for a drain."""
        self._redis.delete(WAKE_KEY)

    def waiting(self) -> tuple[int, int]:
        """Events in the inbox, and entries."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.get(BACKLOG_KEY)
            pipeline.xlen(INBOX_KEY)
            events, entries = pipeline.execute()
        return int(events or 0), entries

    def forget_consumers(self, silent_ms: int) -> int:
        """Names of workers that are gone and hold nothing."""
        self.make_group()
        script = self._redis.register_script(_FORGET)
        return int(script(keys=[INBOX_KEY], args=[GROUP, silent_ms]))

    def make_group(self) -> None:
        with suppress(ResponseError):  # it is there already
            self._redis.xgroup_create(INBOX_KEY, GROUP, id="0", mkstream=True)

    def _read_group(
        self, block_ms: int | None, entries_max: int
    ) -> list[tuple[bytes, StreamEntries]]:
        try:
            return self._read_new(block_ms, entries_max)
        except ResponseError:
            # No group: the first drain ever, or Redis has lost its data.
            self.make_group()
            return self._read_new(block_ms, entries_max)

    def _read_new(
        self, block_ms: int | None, entries_max: int
    ) -> list[tuple[bytes, StreamEntries]]:
        return self._redis.xreadgroup(  # type: ignore[return-value]  # typed for every protocol
            GROUP, self._consumer, {INBOX_KEY: ">"}, entries_max, block_ms
        )

    def _claim(self, idle_ms: int, consumer: str | None) -> list[Entry]:
        try:
            pending = self._redis.xpending_range(
                INBOX_KEY, GROUP, "-", "+", READ_ENTRIES_MAX, consumer, idle_ms or None
            )
        except ResponseError:
            return []
        if not pending:
            return []
        deliveries = {
            str(held["message_id"], "ascii"): int(held["times_delivered"]) + 1
            for held in cast(list[dict[str, Any]], pending)
        }
        ids: list[Any] = list(deliveries)
        claimed = self._redis.xclaim(INBOX_KEY, GROUP, self._consumer, idle_ms, ids)
        return [
            read_entry(entry_id, fields, deliveries[entry_id.decode()])
            for entry_id, fields in stream_entries(claimed)
        ]

    def _claim_again(self, entries: Sequence[Entry], deliveries: int | None = None) -> None:
        """Be seen at work on these, without counting it as another delivery."""
        ids: list[Any] = [entry.id for entry in entries]
        self._redis.xclaim(
            INBOX_KEY, GROUP, self._consumer, 0, ids, retrycount=deliveries, justid=True
        )

    def _keep(self, entries: Sequence[Entry], stop: threading.Event) -> None:
        while not stop.wait(self._claim_idle_ms / 3000):
            with suppress(RedisError):  # at worst another worker does the same again
                self._claim_again(entries)
