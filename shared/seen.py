"""Stores the seen set: what ingest must know of the past to respond as Adjust does, and no more.

A seen marker tells that an app knows a device (its first session is an install, a later one is not;
an adid leads back to its user), or that a user has had a unique event. Markers are stored in Redis
by the very script that adds the event to the inbox, and they are a cache: PostgreSQL holds the same
facts, the workers restore the markers if Redis has lost them, and no event is counted or dropped
because of a marker.

Markers are hashes of a period of 30 days, in 65,536 buckets, so that each hash stays small and
packed. A marker that is seen again moves into the current period; the periods before the previous
one expire. In a period an app's markers take APP_BYTES_MAX of memory, so that a flood of invented
devices can neither fill Redis nor the room of another app: beyond that, the app's devices look new.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from shared.device_ids import adid_of
from shared.events import Environment
from shared.redis import Redis
from shared.shards.shard_names import ShardNames

PERIOD_MS = 30 * 86_400_000
APP_BYTES_MAX = 128 << 20  # about 1.5 million markers of an app in a period

_TTL_MS = 2 * PERIOD_MS

# Of a marker: its part of a listpack beside name and value, and of the bucket. Measured: 85 bytes
# for a device with an id of 36 characters.
_OVERHEAD_BYTES = 24

# For scripts: whether an app has room for another marker in the current period, and the count of
# its bytes, which `sizes` holds.
_ROOM = f"""
local function has_room(sizes, app)
  return tonumber(redis.call('HGET', sizes, app) or 0) < {APP_BYTES_MAX}
end
local function count_marker(sizes, app, name, value)
  redis.call('HINCRBY', sizes, app, #name + #value + {_OVERHEAD_BYTES})
  redis.call('PEXPIRE', sizes, {_TTL_MS})
end
"""

# For scripts: sets a marker of an app in its hash of the current period, and returns whether it was
# set before, there or in its hash of the previous period.
SEEN_BEFORE = (
    _ROOM
    + f"""
local function seen_before(sizes, markers, last_markers, name, value, app)
  if redis.call('HEXISTS', markers, name) == 1 then
    return 1
  end
  local earlier = redis.call('HGET', last_markers, name)
  if has_room(sizes, app) then
    redis.call('HSET', markers, name, earlier or value)
    redis.call('PEXPIRE', markers, {_TTL_MS})
    count_marker(sizes, app, name, earlier or value)
  end
  return earlier and 1 or 0
end
"""
)

# KEYS: the bytes by app, then those of `marker_keys`. ARGV: those of `marker_arguments`.
_SET_MARKERS = (
    SEEN_BEFORE
    + """
for i = 1, #ARGV / 3 do
  seen_before(KEYS[1], KEYS[2 * i], KEYS[2 * i + 1], ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i])
end
"""
)

# KEYS: those of `look_back_keys`. ARGV: the app; the name of a device; and, to keep its events in
# order, the name of the latest time, and the new time. Returns the marker of the device, whether a
# missing one says that it is new, the time.
LOOK_BACK = (
    _ROOM
    + f"""
local function marker(markers, last_markers, name)
  return redis.call('HGET', markers, name) or redis.call('HGET', last_markers, name)
end
local room = has_room(KEYS[2], ARGV[1])
local certain = room and redis.call('EXISTS', KEYS[1]) == 1
local device, latest = marker(KEYS[3], KEYS[4], ARGV[2]), false
if ARGV[3] then
  latest = marker(KEYS[5], KEYS[6], ARGV[3])
  if room and device and tonumber(latest or 0) <= tonumber(ARGV[4]) then
    if redis.call('HSET', KEYS[5], ARGV[3], ARGV[4]) == 1 then
      redis.call('PEXPIRE', KEYS[5], {_TTL_MS})
      count_marker(KEYS[2], ARGV[1], ARGV[3], ARGV[4])
    end
  end
end
return {{device, certain and 1 or 0, latest}}
"""
)


class SeenMarker(NamedTuple):
    """An element of the seen set: `name` is a digest; a marker keeps its first `value`.

    It takes room of the app `app_id`.
    """

    name: bytes
    value: bytes = b""
    app_id: int = 0


def bytes_key(names: ShardNames, now_ms: int) -> str:
    """Returns the key of the bytes that the markers of each app take in the current period."""
    return names.marker_bytes(now_ms // PERIOD_MS)


def marker_keys(names: ShardNames, markers: Iterable[bytes], now_ms: int) -> list[str]:
    """Returns for each marker, by its name, the hash of the current period, and of the last one."""
    period = now_ms // PERIOD_MS
    current, last = names.markers(period, ""), names.markers(period - 1, "")
    keys: list[str] = []
    for name in markers:
        bucket = str(int.from_bytes(name[:2], "big"))
        keys += (current + bucket, last + bucket)
    return keys


def look_back_keys(names: ShardNames, markers: Iterable[bytes], now_ms: int) -> list[str]:
    """Returns the KEYS of LOOK_BACK for a device, and for the latest time if it is asked for."""
    sizes = bytes_key(names, now_ms)
    # Set once the markers hold what PostgreSQL does; without it, a missing marker means nothing.
    return [names.markers_complete, sizes, *marker_keys(names, markers, now_ms)]


def device_marker(app_id: int, environment: Environment, user_id: str, first_ms: int) -> SeenMarker:
    """Returns the marker of a device known since `first_ms`, in Unix milliseconds.

    It is found by the adid that stands for the user.
    """
    name = device_name(app_id, environment, adid_of(app_id, user_id))
    return SeenMarker(name, f"{first_ms}:{user_id}".encode(), app_id)


def read_device_marker(value: bytes) -> tuple[int, str]:
    """Reads since when a device is known, and the id of its user."""
    first_ms, _, user_id = value.decode().partition(":")
    return int(first_ms), user_id


def device_name(app_id: int, environment: Environment, adid: str) -> bytes:
    """Returns the name of a device's marker."""
    return _digest(f"device:{app_id}:{environment}:{adid}")


def unique_marker(
    app_id: int, environment: Environment, event_type_id: int, user_id: str
) -> SeenMarker:
    """Returns the marker of a unique event that a user has had."""
    name = _digest(f"unique:{app_id}:{environment}:{event_type_id}:{user_id}")
    return SeenMarker(name, app_id=app_id)


def latest_name(app_id: int, environment: Environment, user_id: str, event_id: str) -> bytes:
    """Returns the name of the latest time of a device's events with this event id."""
    return _digest(f"latest:{app_id}:{environment}:{len(user_id)}:{user_id}:{event_id}")


def marker_arguments(markers: Iterable[SeenMarker]) -> list[int | bytes]:
    """Returns markers as arguments of a script."""
    return [part for marker in markers for part in marker]


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=12).digest()


def set_markers(redis: Redis, markers: Sequence[SeenMarker], now_ms: int) -> None:
    """Sets markers without an event, from the facts in the tables."""
    if markers:
        hashes = marker_keys(redis.names, (marker.name for marker in markers), now_ms)
        redis.register_script(_SET_MARKERS)(
            keys=[bytes_key(redis.names, now_ms), *hashes], args=marker_arguments(markers)
        )
