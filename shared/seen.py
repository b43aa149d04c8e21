"""Marks: what ingest has to know of the past to answer as Adjust does, and no more.

Which devices an app knows (the first session is an install, a later one is not; an adid leads back
to its user), and which unique events a user has had. They stand in Redis, are set by the very
script that puts the event into the inbox, and are a cache: PostgreSQL holds what they say, the
workers write them again when Redis has lost them, and no event is counted or dropped by a mark.

Marks are hashes of a period of 30 days, in 65,536 buckets, so that each stays small and packed. One
that is met again moves into the present period; those of the one before last expire. A period takes
MARKS_MAX new marks, so that a flood of invented devices cannot fill Redis: beyond that a device
looks new.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from shared.device_ids import adid_of
from shared.events import Environment
from shared.redis import Redis

PERIOD_MS = 30 * 86_400_000
MARKS_MAX = 1_000_000
# Set once the marks hold what PostgreSQL does; without it, no mark that is missing says anything.
COMPLETE_KEY = "waybill:marks:complete"

_TTL_MS = 2 * PERIOD_MS

# For scripts: sets a mark in the present period; whether it stood before, in this one or the last.
SEEN_BEFORE = f"""
local function stood_before(period, last_period, bucket, name, value)
  local marks = period .. ':' .. bucket
  if redis.call('HEXISTS', marks, name) == 1 then
    return 1
  end
  local earlier = redis.call('HGET', last_period .. ':' .. bucket, name)
  if (tonumber(redis.call('GET', period)) or 0) < {MARKS_MAX} then
    redis.call('HSET', marks, name, earlier or value)
    redis.call('PEXPIRE', marks, {_TTL_MS})
    redis.call('INCR', period)
    redis.call('PEXPIRE', period, {_TTL_MS})
  end
  return earlier and 1 or 0
end
"""

_SET_MARKS = (
    SEEN_BEFORE
    + """
for i = 3, #ARGV, 3 do
  stood_before(ARGV[1], ARGV[2], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
"""
)

# KEYS: the key of completeness, the present period, the last. ARGV: bucket and name of a device;
# and, to hold its events to their order, bucket and name of the latest time, and the event's.
# Returns {{the device's mark, whether one that is missing says anything, the latest time}}.
LOOK_BACK = f"""
local function marked(bucket, name)
  return redis.call('HGET', KEYS[2] .. ':' .. bucket, name)
    or redis.call('HGET', KEYS[3] .. ':' .. bucket, name)
end
local room = (tonumber(redis.call('GET', KEYS[2])) or 0) < {MARKS_MAX}
local certain = room and redis.call('EXISTS', KEYS[1]) == 1
local device, latest = marked(ARGV[1], ARGV[2]), false
if ARGV[3] then
  latest = marked(ARGV[3], ARGV[4])
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
    """`name` is a digest of what is marked; the first `value` of a mark stays."""

    name: bytes
    value: bytes = b""


def period_keys(now_ms: int) -> tuple[str, str]:
    """Of the present period, which is also its count, and of the one before."""
    period = now_ms // PERIOD_MS
    return f"waybill:marks:{period}", f"waybill:marks:{period - 1}"


def device_marker(app_id: int, environment: Environment, user_id: str, first_ms: int) -> SeenMarker:
    """Known since `first_ms`, Unix milliseconds; found by the adid that stands for the user."""
    name = device_name(app_id, environment, adid_of(app_id, user_id))
    return SeenMarker(name, f"{first_ms}:{user_id}".encode())


def read_device_marker(value: bytes) -> tuple[int, str]:
    """Since when a device is known, and its user's id."""
    first_ms, _, user_id = value.decode().partition(":")
    return int(first_ms), user_id


def device_name(app_id: int, environment: Environment, adid: str) -> bytes:
    return _digest(f"device:{app_id}:{environment}:{adid}")


def unique_marker(
    app_id: int, environment: Environment, event_type_id: int, user_id: str
) -> SeenMarker:
    return SeenMarker(_digest(f"unique:{app_id}:{environment}:{event_type_id}:{user_id}"))


def latest_name(app_id: int, environment: Environment, user_id: str, event_id: str) -> bytes:
    """Of the latest time at which a device's events of a kind have happened."""
    return _digest(f"latest:{app_id}:{environment}:{len(user_id)}:{user_id}:{event_id}")


def bucket_of(name: bytes) -> int:
    return int.from_bytes(name[:2], "big")


def marker_arguments(marks: Iterable[SeenMarker]) -> list[int | bytes]:
    """As a script takes them."""
    return [part for mark in marks for part in (bucket_of(mark.name), *mark)]


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=12).digest()


def set_markers(redis: Redis, marks: Sequence[SeenMarker], now_ms: int) -> None:
    """Without an event: what the tables say is marked."""
    if marks:
        arguments = [*period_keys(now_ms), *marker_arguments(marks)]
        redis.register_script(_SET_MARKS)(args=arguments)
