"""The inbox: a Redis stream of raw events, between ingest and the workers.

One entry holds one batch: `v` its wire version, `n` how many events, `e` the events. An entry
leaves only when PostgreSQL has every event of it (`SETTLE`); nothing ever trims the stream. Beside
it stand the backlog (events in the stream), the count of all events ever accepted, and the wake-up
flag: set while a drain is queued or at work that will look into the inbox again before it ends.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec

from shared.events import WIRE_VERSION, Event, decode_events
from shared.ids import receipt_time_ms
from shared.redis import Redis, stream_entries
from shared.seen import SEEN_BEFORE, SeenMarker, marker_arguments, period_keys
from shared.snapshot import VERSION_KEY

INBOX_KEY = "waybill:inbox"
BACKLOG_KEY = "waybill:inbox:events"
ACCEPTED_KEY = "waybill:accepted"
WAKE_KEY = "waybill:wake"
GROUP = "drain"

# The flag outlives a process that died between setting it and asking for a drain by this much.
WAKE_MS = 10_000

_SEARCH_ENTRIES = 200
_SEARCH_SLACK_MS = 120_000  # clocks of ingest hosts and of Redis may differ by this much

# Adds a batch, if it was checked against the snapshot that still holds ('' : whatever holds), and
# sets the marks of its events. Returns {0}: check again; or {1, backlog, whether this woke the
# inbox, the entry's id, for each mark whether it stood before}.
APPEND_KEYS = (VERSION_KEY, INBOX_KEY, BACKLOG_KEY, ACCEPTED_KEY, WAKE_KEY)
APPEND = (
    SEEN_BEFORE
    + """
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {0}
end
local entry = redis.call('XADD', KEYS[2], '*', 'v', ARGV[2], 'n', ARGV[3], 'e', ARGV[4])
local backlog = redis.call('INCRBY', KEYS[3], ARGV[3])
redis.call('INCRBY', KEYS[4], ARGV[3])
local woke = redis.call('SET', KEYS[5], '1', 'NX', 'PX', ARGV[5])
local answer = {1, backlog, woke and 1 or 0, entry}
for i = 8, #ARGV, 3 do
  answer[#answer + 1] = stood_before(ARGV[6], ARGV[7], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return answer
"""
)

# Removes entries that are stored. Each is counted off the backlog once, however often settled.
SETTLE_KEYS = (INBOX_KEY, BACKLOG_KEY)
SETTLE = """
local settled = 0
for i = 2, #ARGV, 2 do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then
    settled = settled + ARGV[i + 1]
  end
end
if settled > 0 then
  redis.call('DECRBY', KEYS[2], settled)
end
return settled
"""


class Entry(msgspec.Struct, frozen=True):
    """One batch in the inbox, with how often it was handed to a worker."""

    id: str
    deliveries: int
    count: int
    wire_version: int
    payload: bytes

    @property
    def time_ms(self) -> int:
        """When it arrived, by the clock of Redis."""
        return int(self.id.partition("-")[0])

    def events(self) -> list[Event]:
        """Raises msgspec.MsgspecError when this version cannot read the batch."""
        if self.wire_version != WIRE_VERSION:
            raise msgspec.DecodeError(f"wire version {self.wire_version} is not {WIRE_VERSION}")
        return decode_events(self.payload)


class Appended(msgspec.Struct, frozen=True):
    """The backlog in events, and whether nobody was awake: then a drain has to be asked for.

    `stood`: for each mark of the batch, whether it stood before. `entry` is the batch's id.
    """

    backlog: int
    woke: bool
    stood: list[bool] = []
    entry: str = ""


class Backlog(msgspec.Struct, frozen=True):
    """`events` waiting, how long the oldest has waited, and how many were ever accepted."""

    events: int
    oldest_ms: int
    accepted: int


def read_entry(entry_id: bytes, fields: Mapping[bytes, bytes], deliveries: int) -> Entry:
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
    marks: Sequence[SeenMarker] = (),
    now_ms: int = 0,
) -> list[Any]:
    """ARGV of APPEND."""
    arguments = [version, wire_version, count, payload, WAKE_MS]
    return [*arguments, *period_keys(now_ms), *marker_arguments(marks)] if marks else arguments


def appended(answer: list[Any]) -> Appended | None:
    """What APPEND answered; None: the snapshot has changed, nothing was added."""
    written, *told = answer
    if not written:
        return None
    backlog, woke, entry, *stood = told
    return Appended(backlog, bool(woke), [bool(one) for one in stood], entry.decode())


def append(redis: Redis, payload: bytes, count: int, wire_version: int = WIRE_VERSION) -> Appended:
    """Add a batch that needs no token: a replay, an import."""
    script = redis.register_script(APPEND)
    arguments = append_arguments("", count, payload, wire_version)
    added = appended(cast("list[Any]", script(keys=APPEND_KEYS, args=arguments)))
    assert added is not None  # no version was asked for
    return added


def measure(redis: Redis) -> Backlog:
    """What waits in the inbox now, by Redis's own clock."""
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.mget(BACKLOG_KEY, ACCEPTED_KEY)
        pipeline.xrange(INBOX_KEY, count=1)
        pipeline.time()
        (backlog, accepted), oldest, (seconds, microseconds) = pipeline.execute()
    now_ms = seconds * 1000 + microseconds // 1000
    oldest_ms = max(0, now_ms - _entry_time_ms(oldest[0][0])) if oldest else 0
    return Backlog(int(backlog or 0), oldest_ms, int(accepted or 0))


def find_event(redis: Redis, receipt: UUID) -> Event | None:
    """The event with this receipt, if it still waits in the inbox."""
    given_ms = receipt_time_ms(receipt)
    start = max(0, given_ms - _SEARCH_SLACK_MS)
    for entry in _entries(redis, f"{start}-0", f"{given_ms + _SEARCH_SLACK_MS}-0"):
        for event in _events_or_none(entry):
            if event.receipt == receipt:
                return event
    return None


def _entries(redis: Redis, start: str, end: str) -> Iterator[Entry]:
    while page := stream_entries(redis.xrange(INBOX_KEY, start, end, _SEARCH_ENTRIES)):
        yield from (read_entry(entry_id, fields, 0) for entry_id, fields in page)
        start = "(" + page[-1][0].decode()


def _events_or_none(entry: Entry) -> list[Event]:
    try:
        return entry.events()
    except msgspec.MsgspecError:
        return []


def _entry_time_ms(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])
