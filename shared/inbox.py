"""Reads and writes the inbox, the Redis stream of raw events between ingest and the workers.

One entry holds one batch: `v` is its wire version, `n` the number of events, `e` the events. An
entry is deleted only when PostgreSQL has all of its events (`ACK`); nothing ever trims the stream.
Keys beside the stream hold the backlog (events in the stream), the number of all events ever
accepted, and the wake-up flag: it is set while a drain that will read the inbox again before it
ends is queued or running.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

import msgspec

from shared.events import WIRE_VERSION, Event, decode_events
from shared.ids import receipt_time_ms
from shared.lines.recent_ids import RECALL
from shared.redis import Redis, stream_entries
from shared.seen import SEEN_BEFORE, SeenMarker, marker_arguments, period_keys
from shared.snapshot import VERSION_KEY

INBOX_KEY = "waybill:inbox"
BACKLOG_KEY = "waybill:inbox:events"
ACCEPTED_KEY = "waybill:accepted"
WAKE_KEY = "waybill:wake"
GROUP = "drain"

# How long the flag outlives a process that died between setting it and enqueuing a drain.
WAKE_MS = 10_000

_SEARCH_ENTRIES = 200
_SEARCH_SLACK_MS = 120_000  # clocks of ingest hosts and of Redis may differ by this much

# Adds a batch if the snapshot that it was checked against is still current ('' : without a check),
# sets the seen markers of its events, of which ARGV[6] is the number, and remembers their IDs.
# Returns {0} if it must be checked again; or {1, backlog, whether this set the wake-up flag, the
# entry's id, for each marker whether it was seen before, for each ID the first event that had it}.
APPEND_KEYS = (VERSION_KEY, INBOX_KEY, BACKLOG_KEY, ACCEPTED_KEY, WAKE_KEY)
APPEND = (
    SEEN_BEFORE
    + RECALL
    + """
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {0}
end
local entry = redis.call('XADD', KEYS[2], '*', 'v', ARGV[2], 'n', ARGV[3], 'e', ARGV[4])
local backlog = redis.call('INCRBY', KEYS[3], ARGV[3])
redis.call('INCRBY', KEYS[4], ARGV[3])
local woke = redis.call('SET', KEYS[5], '1', 'NX', 'PX', ARGV[5])
local answer = {1, backlog, woke and 1 or 0, entry}
local ids = 9 + 3 * ARGV[6]
for i = 9, ids - 1, 3 do
  answer[#answer + 1] = seen_before(ARGV[7], ARGV[8], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
if #ARGV >= ids then
  for _, first in ipairs(recall(ids)) do
    answer[#answer + 1] = first
  end
end
return answer
"""
)

# Acknowledges and deletes entries that are stored. Each is subtracted from the backlog once,
# however often it is acknowledged.
ACK_KEYS = (INBOX_KEY, BACKLOG_KEY)
ACK = """
local events = 0
for i = 2, #ARGV, 2 do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then
    events = events + ARGV[i + 1]
  end
end
if events > 0 then
  redis.call('DECRBY', KEYS[2], events)
end
return events
"""


class Entry(msgspec.Struct, frozen=True):
    """A batch in the inbox, with the number of its deliveries to a worker."""

    id: str
    deliveries: int
    count: int
    wire_version: int
    payload: bytes

    @property
    def time_ms(self) -> int:
        """Returns when it arrived, by the clock of Redis."""
        return int(self.id.partition("-")[0])

    def events(self) -> list[Event]:
        """Decodes the batch. Raises msgspec.MsgspecError if this version cannot read it."""
        if self.wire_version != WIRE_VERSION:
            raise msgspec.DecodeError(f"wire version {self.wire_version} is not {WIRE_VERSION}")
        return decode_events(self.payload)


class Appended(msgspec.Struct, frozen=True):
    """The result of adding a batch: `entry` is its id, `backlog` the events in the inbox.

    `woke` tells whether no drain was queued or running, so that one has to be enqueued;
    `seen_before`, for each seen marker of the batch, whether it was set before; `firsts`, for each
    ID, what is remembered of the first event that had it, empty if this is the first.
    """

    backlog: int
    woke: bool
    seen_before: list[bool] = []
    entry: str = ""
    firsts: list[bytes] = []


class Backlog(msgspec.Struct, frozen=True):
    """The backlog: `events` waiting, the age of the oldest, and all events ever accepted."""

    events: int
    oldest_ms: int
    accepted: int


def read_entry(entry_id: bytes, fields: Mapping[bytes, bytes], deliveries: int) -> Entry:
    """Returns an entry from its fields in the stream."""
    return Entry(
        id=entry_id.decode(),
        deliveries=deliveries,
        count=int(fields.get(b"n", 0)),
        wire_version=int(fields.get(b"v", 0)),
        payload=fields.get(b"e", b""),
    )


def append_arguments(
    version: str,
    count: int,
    payload: bytes,
    wire_version: int,
    markers: Sequence[SeenMarker] = (),
    now_ms: int = 0,
) -> list[Any]:
    """Returns the ARGV of APPEND; those of IDs may follow (`id_arguments`)."""
    arguments = [version, wire_version, count, payload, WAKE_MS]
    return [*arguments, len(markers), *period_keys(now_ms), *marker_arguments(markers)]


def read_append_reply(reply: list[Any], markers: int | None = None) -> Appended | None:
    """Reads the reply of APPEND to a batch with so many markers, by default without IDs.

    None if the snapshot has changed, so that nothing was added.
    """
    was_added, *result = reply
    if not was_added:
        return None
    backlog, woke, entry, *rest = result
    firsts = [] if markers is None else rest[markers:]
    return Appended(backlog, bool(woke), list(map(bool, rest[:markers])), entry.decode(), firsts)


def append(redis: Redis, payload: bytes, count: int, wire_version: int = WIRE_VERSION) -> Appended:
    """Adds a batch that needs no token: a replay, an import."""
    script = redis.register_script(APPEND)
    arguments = append_arguments("", count, payload, wire_version)
    appended = read_append_reply(cast("list[Any]", script(keys=APPEND_KEYS, args=arguments)))
    assert appended is not None  # it was not checked against a version
    return appended


def measure(redis: Redis) -> Backlog:
    """Measures what waits in the inbox now, by Redis's own clock."""
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.mget(BACKLOG_KEY, ACCEPTED_KEY)
        pipeline.xrange(INBOX_KEY, count=1)
        pipeline.time()
        (backlog, accepted), oldest, (seconds, microseconds) = pipeline.execute()
    now_ms = seconds * 1000 + microseconds // 1000
    arrived_ms = int(oldest[0][0].partition(b"-")[0]) if oldest else now_ms
    oldest_ms = max(0, now_ms - arrived_ms)
    return Backlog(int(backlog or 0), oldest_ms, int(accepted or 0))


def find_event(redis: Redis, receipt: UUID) -> Event | None:
    """Finds the event with this receipt, if it still waits in the inbox."""
    created_ms = receipt_time_ms(receipt)
    start = max(0, created_ms - _SEARCH_SLACK_MS)
    for entry in _entries(redis, f"{start}-0", f"{created_ms + _SEARCH_SLACK_MS}-0"):
        with suppress(msgspec.MsgspecError):  # another version's entry is skipped
            for event in entry.events():
                if event.receipt == receipt:
                    return event
    return None


def all_entries(redis: Redis) -> Iterator[Entry]:
    """Yields the entries that wait now, the oldest first."""
    return _entries(redis, "-", "+")


def _entries(redis: Redis, start: str, end: str) -> Iterator[Entry]:
    while page := stream_entries(redis.xrange(INBOX_KEY, start, end, _SEARCH_ENTRIES)):
        yield from (read_entry(entry_id, fields, 0) for entry_id, fields in page)
        start = "(" + page[-1][0].decode()
