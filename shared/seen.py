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

PERIOD_MS = 30 * 86_400_000
APP_BYTES_MAX = 128 << 20  # about 1.5 million markers of an app in a period
# Set once the markers hold what PostgreSQL does; without it, a missing marker means nothing.
COMPLETE_KEY = "waybill:marks:complete"

_TTL_MS = 2 * PERIOD_MS

# Of a marker: its part of a listpack beside name and value, and of the bucket. Measured: 85 bytes
# for a device with an id of 36 characters.
_OVERHEAD_BYTES = 24

# For scripts: whether an app has room for another marker in a period, and the count of its bytes.
_ROOM = f"""
local function has_room(period, app)
  return tonumber(redis.call('HGET', period .. ':apps', app) or 0) < {APP_BYTES_MAX}
end
local function count_marker(period, app, name, value)
  redis.call('HINCRBY', period .. ':apps', app, #name + #value + {_OVERHEAD_BYTES})
  redis.call('PEXPIRE', period .. ':apps', {_TTL_MS})
end
"""

# For scripts: sets a marker of an app in the current period, and returns whether it was set before,
# in this period or the previous one.
SEEN_BEFORE = (
    _ROOM
    + f"""
local function seen_before(period, last_period, bucket, name, value, app)
  local markers = period .. ':' .. bucket
  if redis.call('HEXISTS', markers, name) == 1 then
    return 1
  end
  local earlier = redis.call('HGET', last_period .. ':' .. bucket, name)
  if has_room(period, app) then
    redis.call('HSET', markers, name, earlier or value)
    redis.call('PEXPIRE', markers, {_TTL_MS})
    count_marker(period, app, name, earlier or value)
  end
  return earlier and 1 or 0
end
"""
)

_SET_MARKERS = (
    SEEN_BEFORE
    + """
for i = 3, #ARGV, 4 do
  seen_before(ARGV[1], ARGV[2], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
end
"""
)

# KEYS: the key of completeness, the current period, the previous one. ARGV: the app; bucket and
# name of a device; and, to keep its events in order, bucket and name of the latest time, and the
# new time. Returns the marker of the device, whether a missing one says that it is new, the time.
LOOK_BACK = (
    _ROOM
    + f"""
local function marker(bucket, name)
  return redis.call('HGET', KEYS[2] .. ':' .. bucket, name)
    or redis.call('HGET', KEYS[3] .. ':' .. bucket, name)
end
local room = has_room(KEYS[2], ARGV[1])
local certain = room and redis.call('EXISTS', KEYS[1]) == 1
local device, latest = marker(ARGV[2], ARGV[3]), false
if ARGV[4] then
  latest = marker(ARGV[4], ARGV[5])
  if room and device and tonumber(latest or 0) <= tonumber(ARGV[6]) then
    local key = KEYS[2] .. ':' .. ARGV[4]
    if redis.call('HSET', key, ARGV[5], ARGV[6]) == 1 then
      redis.call('PEXPIRE', key, {_TTL_MS})
      count_marker(KEYS[2], ARGV[1], ARGV[5], ARGV[6])
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


def period_keys(now_ms: int) -> tuple[str, str]:
    """Returns the keys of the current period and of the previous one, with which others begin."""
    period = now_ms // PERIOD_MS
    return f"waybill:marks:{period}", f"waybill:marks:{period - 1}"


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


def bucket_of(name: bytes) -> int:
    """Returns the bucket of a name, from its first two bytes."""
    return int.from_bytes(name[:2], "big")


def marker_arguments(markers: Iterable[SeenMarker]) -> list[int | bytes]:
    """Returns markers as arguments of a script."""
    return [part for marker in markers for part in (bucket_of(marker.name), *marker)]


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=12).digest()


def set_markers(redis: Redis, markers: Sequence[SeenMarker], now_ms: int) -> None:
    """Sets markers without an event, from the facts in the tables."""
    if markers:
        arguments = [*period_keys(now_ms), *marker_arguments(markers)]
        redis.register_script(_SET_MARKERS)(args=arguments)
