"""Stores the seen set: what ingest must know of the past to respond as Adjust does, and no more.

A seen marker tells that an app knows a device (its first session is an install, a later one is not;
an adid leads back to its user), or that a user has had a unique event. Markers are stored in Redis
by the very script that adds the event to the inbox, and they are a cache: PostgreSQL holds the same
facts, the workers restore the markers if Redis has lost them, and no event is counted or dropped
because of a marker.

Markers are hashes of a period of 30 days, in 65,536 buckets, so that each hash stays small and
packed. A marker that is seen again moves into the current period; the periods before the previous
one expire. A period takes MARKERS_MAX new markers, so that a flood of invented devices cannot fill
Redis: beyond that a device looks new.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from shared.device_ids import adid_of
from shared.events import Environment
from shared.redis import Redis

PERIOD_MS = 30 * 86_400_000
MARKERS_MAX = 1_000_000
# Set once the markers hold what PostgreSQL does; without it, a missing marker means nothing.
COMPLETE_KEY = "waybill:marks:complete"

_TTL_MS = 2 * PERIOD_MS

# For scripts: sets a marker in the current period, and returns whether it was set before, in this
# period or the previous one.
SEEN_BEFORE = f"""
local function seen_before(period, last_period, bucket, name, value)
  local markers = period .. ':' .. bucket
  if redis.call('HEXISTS', markers, name) == 1 then
    return 1
  end
  local earlier = redis.call('HGET', last_period .. ':' .. bucket, name)
  if (tonumber(redis.call('GET', period)) or 0) < {MARKERS_MAX} then
    redis.call('HSET', markers, name, earlier or value)
    redis.call('PEXPIRE', markers, {_TTL_MS})
    redis.call('INCR', period)
    redis.call('PEXPIRE', period, {_TTL_MS})
  end
  return earlier and 1 or 0
end
"""

_SET_MARKERS = (
    SEEN_BEFORE
    + """
for i = 3, #ARGV, 3 do
  seen_before(ARGV[1], ARGV[2], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
"""
)

# KEYS: the key of completeness, the current period, the previous one. ARGV: bucket and name of a
# device; and, to keep its events in order, bucket and name of the latest time, and the new time.
# Returns {{the device's marker, whether a missing one means that it is new, the latest time}}.
LOOK_BACK = f"""
local function marker(bucket, name)
  return redis.call('HGET', KEYS[2] .. ':' .. bucket, name)
    or redis.call('HGET', KEYS[3] .. ':' .. bucket, name)
end
local room = (tonumber(redis.call('GET', KEYS[2])) or 0) < {MARKERS_MAX}
local certain = room and redis.call('EXISTS', KEYS[1]) == 1
local device, latest = marker(ARGV[1], ARGV[2]), false
if ARGV[3] then
  latest = marker(ARGV[3], ARGV[4])
  if room and device and tonumber(latest or 0) <= tonumber(ARGV[5]) then
    local key = KEYS[2] .. ':' .. ARGV[3]
    if redis.call('HSET', key, ARGV[4], ARGV[5]) == 1 then
      redis.call('PEXPIRE', key, {_TTL_MS})
      redis.call('INCR', KEYS[2])
      redis.call('PEXPIRE', KEYS[2], {_TTL_MS})
    end
  end
end
return {{device, certain and 1 or 0, latest}}
"""


class SeenMarker(NamedTuple):
    """An element of the seen set: `name` is a digest; a marker keeps its first `value`."""

    name: bytes
    value: bytes = b""


def period_keys(now_ms: int) -> tuple[str, str]:
    """Returns the keys of the current period, which is also its count, and of the previous one."""
    period = now_ms // PERIOD_MS
    return f"waybill:marks:{period}", f"waybill:marks:{period - 1}"


def device_marker(app_id: int, environment: Environment, user_id: str, first_ms: int) -> SeenMarker:
    """Returns the marker of a device known since `first_ms`, in Unix milliseconds.

    It is found by the adid that stands for the user.
    """
    name = device_name(app_id, environment, adid_of(app_id, user_id))
    return SeenMarker(name, f"{first_ms}:{user_id}".encode())


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
    return SeenMarker(_digest(f"unique:{app_id}:{environment}:{event_type_id}:{user_id}"))


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
