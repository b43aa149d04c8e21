"""Reads and writes the inbox, the Redis stream of raw events between ingest and the workers.

One entry holds one batch: `v` is its wire version, `n` the number of events, `e` the events, `a`
their apps, and `t` the time at which it came, if it was parked first (`shared.limits.app_shares`).
An entry is deleted only when PostgreSQL has all of its events; nothing ever trims the stream. Keys
beside it hold the backlog (events in the stream, and parked ones), the number of all events ever
accepted, and the wake-up flag: it is set while a drain that will read the inbox again before it
ends is queued or running.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec

from shared.events import WIRE_VERSION, Event, decode_events
from shared.ids import receipt_time_ms
from shared.limits.app_shares import (
    ADD_BATCH,
    SHARE_EVENTS,
    parked_streams,
)
from shared.lines.recent_ids import RECALL
from shared.redis import Redis, stream_entries
from shared.seen import SEEN_BEFORE, SeenMarker, bytes_key, marker_arguments, marker_keys
from shared.shards.shard_names import ShardNames

GROUP = "drain"

# How long the flag outlives a process that died between setting it and enqueuing a drain.
WAKE_MS = 10_000

_SEARCH_ENTRIES = 200
_SEARCH_SLACK_MS = 120_000  # clocks of ingest hosts and of Redis may differ by this much

# Adds the parts of a batch if the snapshot that it was checked against is still current ('' :
# without a check), sets the seen markers of its events, and remembers their IDs. ARGV[5] is the
# number of parts, each the app that may be parked for it, its apps, its count and its events; then
# come ARGV[4] markers, then the IDs. `append_keys` makes KEYS: those that every batch has, then the
# parked stream of each part, then two hashes for each marker.
# Returns {0} if it must be checked again; or {1, backlog, whether this set the wake-up flag, the
# entries' ids, the apps that have no room in the inbox, for each marker whether it was seen before,
# for each ID the first event that had it}.
_BATCH_KEYS = 13
APPEND = (
    SEEN_BEFORE
    + RECALL
    + ADD_BATCH
    + f"""
local inbox, held, parked, share_key = KEYS[1], KEYS[5], KEYS[6], KEYS[7]
if ARGV[1] ~= '' and redis.call('GET', KEYS[9]) ~= ARGV[1] then
  return {{0}}
end
if redis.call('XLEN', inbox) == 0 then
  redis.call('DEL', held, KEYS[8])
end
local events, entries, over, parts = 0, {{}}, {{}}, tonumber(ARGV[5])
local share = tonumber(redis.call('GET', share_key) or 0)
for part = 1, parts do
  local i = 2 + 4 * part
  entries[part] = add_batch(over, inbox, held, parked, share, KEYS[{_BATCH_KEYS} + part],
    ARGV[i], ARGV[i + 1], ARGV[2], ARGV[i + 2], ARGV[i + 3])
  events = events + ARGV[i + 2]
end
local backlog = redis.call('INCRBY', KEYS[2], events)
if redis.call('INCRBY', KEYS[3], events) == events then
  redis.call('SET', share_key, {SHARE_EVENTS}, 'NX')
end
local woke = redis.call('SET', KEYS[4], '1', 'NX', 'PX', ARGV[3])
local answer =
  {{1, backlog, woke and 1 or 0, table.concat(entries, ','), table.concat(over, ',')}}
local key, at = {_BATCH_KEYS} + 1 + parts, 6 + 4 * parts
local ids = at + 3 * ARGV[4]
for i = at, ids - 1, 3 do
  answer[#answer + 1] =
    seen_before(KEYS[10], KEYS[key], KEYS[key + 1], ARGV[i], ARGV[i + 1], ARGV[i + 2])
  key = key + 2
end
if #ARGV >= ids then
  for _, first in ipairs(recall(KEYS[11], {{KEYS[12], KEYS[13]}}, ARGV[ids], ARGV[ids + 1])) do
    answer[#answer + 1] = first
  end
end
return answer
"""
)


class Entry(msgspec.Struct, frozen=True):
    """A batch in the inbox of a shard, with the number of its deliveries to a worker."""

    id: str
    deliveries: int
    count: int
    wire_version: int
    payload: bytes
    apps: str = ""
    parked_at_ms: int = 0
    shard: int = 0

    @property
    def time_ms(self) -> int:
        """Returns when it arrived, by the clock of Redis."""
        return self.parked_at_ms or int(self.id.partition("-")[0])

    def events(self) -> list[Event]:
        """Decodes the batch. Raises msgspec.MsgspecError if this version cannot read it."""
        if self.wire_version != WIRE_VERSION:
            raise msgspec.DecodeError(f"wire version {self.wire_version} is not {WIRE_VERSION}")
        return decode_events(self.payload)


class Appended(msgspec.Struct, frozen=True):
    """The result of adding a batch: `entry` is its id, `backlog` the events in the inbox.

    `woke` tells whether no drain was queued or running, so that one has to be enqueued;
    `seen_before`, for each seen marker of the batch, whether it was set before; `firsts`, for each
    ID, what is remembered of the first event that had it, empty if this is the first; `over`, the
    apps of the batch that have no room in the inbox, separated by commas.
    """

    backlog: int
    woke: bool
    seen_before: list[bool] = []
    entry: str = ""
    firsts: list[bytes] = []
    over: str = ""


class Backlog(msgspec.Struct, frozen=True):
    """The backlog: `events` waiting, the age of the oldest, and all events ever accepted."""

    events: int
    oldest_ms: int
    accepted: int


def read_entry(
    entry_id: bytes, fields: Mapping[bytes, bytes], deliveries: int, shard: int = 0
) -> Entry:
    """Returns an entry from its fields in the stream."""
    return Entry(
        id=entry_id.decode(),
        deliveries=deliveries,
        count=int(fields.get(b"n", 0)),
        wire_version=int(fields.get(b"v", 0)),
        payload=fields.get(b"e", b""),
        apps=fields.get(b"a", b"").decode(),
        parked_at_ms=int(fields.get(b"t", 0)),
        shard=shard,
    )


class BatchPart(NamedTuple):
    """Events that become one entry. `apps` tells how many of each app (`app_counts_text`).

    `alone` is the app that may be parked for them.
    """

    payload: bytes
    events: int
    apps: str = ""
    alone: str = ""


def append_keys(
    names: ShardNames,
    parts: Sequence[BatchPart],
    markers: Sequence[SeenMarker] = (),
    now_ms: int = 0,
) -> list[str]:
    """Returns the KEYS of APPEND."""
    # What is not parked needs no stream: the count stands in its place.
    streams = [names.parked_stream(part.alone) if part.alone else names.parked for part in parts]
    return [
        *(names.inbox, names.backlog, names.accepted, names.wake),
        *(names.inbox_apps, names.parked, names.inbox_share, names.parked_turn),
        *(names.snapshot_version, bytes_key(names, now_ms), names.recent_ids),
        *(names.recent_ids_hash(0), names.recent_ids_hash(1)),
        *streams,
        *marker_keys(names, (marker.name for marker in markers), now_ms),
    ]


def append_arguments(
    version: str,
    parts: Sequence[BatchPart],
    wire_version: int,
    markers: Sequence[SeenMarker] = (),
) -> list[Any]:
    """Returns the ARGV of APPEND; those of IDs may follow (`id_arguments`)."""
    arguments: list[Any] = [version, wire_version, WAKE_MS, len(markers), len(parts)]
    for part in parts:
        arguments += (part.alone, part.apps, part.events, part.payload)
    return arguments + marker_arguments(markers)


def read_append_reply(reply: list[Any], markers: int | None = None) -> Appended | None:
    """Reads the reply of APPEND to a batch with so many markers, by default without IDs.

    None if the snapshot has changed, so that nothing was added.
    """
    was_added, *result = reply
    if not was_added:
        return None
    backlog, woke, entry, over, *rest = result
    firsts = [] if markers is None else rest[markers:]
    seen_before = list(map(bool, rest[:markers]))
    return Appended(backlog, bool(woke), seen_before, entry.decode(), firsts, over.decode())


def append(
    redis: Redis, payload: bytes, count: int, wire_version: int = WIRE_VERSION, apps: str = ""
) -> Appended:
    """Adds a batch that needs no token: a replay, an import. `apps` as in an entry."""
    script = redis.register_script(APPEND)
    part = BatchPart(payload, count, apps, "" if ":" in apps else apps)
    keys, arguments = append_keys(redis.names, [part]), append_arguments("", [part], wire_version)
    appended = read_append_reply(cast("list[Any]", script(keys=keys, args=arguments)))
    assert appended is not None  # it was not checked against a version
    return appended


def measure(redis: Redis) -> Backlog:
    """Measures what waits in the inbox now, by Redis's own clock."""
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.mget(redis.names.backlog, redis.names.accepted)
        pipeline.time()
        (backlog, accepted), (seconds, microseconds) = pipeline.execute()
    now_ms = seconds * 1000 + microseconds // 1000
    arrived_ms = oldest_time_ms(redis)
    oldest_ms = 0 if arrived_ms is None else max(0, now_ms - arrived_ms)
    return Backlog(int(backlog or 0), oldest_ms, int(accepted or 0))


def oldest_time_ms(redis: Redis, exactly: bool = False) -> int | None:
    """Returns when the oldest entry that waits arrived, None if none does.

    What was parked is in the inbox behind younger entries, which only an exact search sees.
    """
    with redis.pipeline(transaction=False) as pipeline:
        for stream in [*parked_streams(redis), redis.names.inbox]:
            pipeline.xrange(stream, count=1)
        oldest = [entry for reply in pipeline.execute() for entry in stream_entries(reply)]
    times = [read_entry(*entry, 0).time_ms for entry in oldest]
    if exactly and redis.exists(redis.names.parked_turn):
        times += [entry.time_ms for entry in _entries(redis, redis.names.inbox, "-", "+")]
    return min(times, default=None)


def find_event(redis: Redis, receipt: UUID) -> Event | None:
    """Finds the event with this receipt, if it still waits in the inbox."""
    created_ms = receipt_time_ms(receipt)
    start = f"{max(0, created_ms - _SEARCH_SLACK_MS)}-0"
    end = f"{created_ms + _SEARCH_SLACK_MS}-0"
    # What moves meanwhile moves from a parked stream to the end of the inbox.
    ranges = [(stream, start, end) for stream in [*parked_streams(redis), redis.names.inbox]]
    if redis.exists(redis.names.parked_turn):
        ranges.append((redis.names.inbox, end, "+"))
    for searched in ranges:
        for entry in _entries(redis, *searched):
            with suppress(msgspec.MsgspecError):  # another version's entry is skipped
                for event in entry.events():
                    if event.receipt == receipt:
                        return event
    return None


def all_entries(redis: Redis) -> Iterator[Entry]:
    """Yields the entries that wait now, the oldest of each stream first."""
    for stream in [*parked_streams(redis), redis.names.inbox]:
        yield from _entries(redis, stream, "-", "+")


def _entries(redis: Redis, stream: str, start: str, end: str) -> Iterator[Entry]:
    while page := stream_entries(redis.xrange(stream, start, end, _SEARCH_ENTRIES)):
        yield from (read_entry(entry_id, fields, 0) for entry_id, fields in page)
        start = "(" + page[-1][0].decode()
