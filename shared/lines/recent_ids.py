"""Remembers the IDs of the last events that came in batches, so that a repeat is told at once.

Which event an idempotency key stands for is settled in PostgreSQL, by whoever writes the key first,
and for ever. A sender that repeats a batch wants to know earlier, while the first may still wait in
the inbox: so the script that appends a batch also looks up its IDs among the last ones, and adds
them. The memory is a hint: an ID that it has lost is accepted once more, and found in PostgreSQL.

There are two hashes in turns. Once the current one holds IDS_MAX, the other is dropped and becomes
the current one: so at least the last IDS_MAX are known, whatever the rate, for a day.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from shared.events import Event

RECENT_IDS_KEY = "waybill:ids"  # which of the two hashes is the current one: 0 or 1
RECENT_IDS_HASH = "waybill:ids:"  # followed by that number
IDS_MAX = 250_000  # two hashes of these are 55 MB
IDS_MS = 86_400_000

_NAME_BYTES = 12
_RECEIPT_BYTES = 16
_CONTENT_BYTES = 4

# For scripts: returns for each ID of ARGV from `at` on, each followed by its value, the value of
# its first event, or an empty text if there is none; remembers those.
RECALL = f"""
local function recall(at)
  local names, firsts, new, fresh = {{}}, {{}}, {{}}, {{}}
  for i = at, #ARGV, 2 do
    names[#names + 1] = ARGV[i]
  end
  local turn = tonumber(redis.call('GET', '{RECENT_IDS_KEY}') or 0)
  local current, other = '{RECENT_IDS_HASH}' .. turn, '{RECENT_IDS_HASH}' .. (1 - turn)
  local here = redis.call('HMGET', current, unpack(names))
  local there = redis.call('HMGET', other, unpack(names))
  for i, name in ipairs(names) do
    local first = here[i] or there[i] or fresh[name]
    firsts[i] = first or ''
    if not first then
      fresh[name] = ARGV[at + 2 * i - 1]
      new[#new + 1] = name
      new[#new + 1] = fresh[name]
    end
  end
  if #new > 0 then
    redis.call('HSET', current, unpack(new))
    redis.call('PEXPIRE', current, {IDS_MS})
    if redis.call('HLEN', current) >= {IDS_MAX} then
      redis.call('DEL', other)
      redis.call('SET', '{RECENT_IDS_KEY}', 1 - turn)
    end
  end
  return firsts
end
"""

# How many bytes a whole number has in msgpack, by its first one.
_NUMBER_BYTES = {**dict.fromkeys(range(128), 1), 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9}
_LONG_ARRAY = 0xDC


class RecentId(NamedTuple):
    """The digest of an ID in its app and environment, and what is remembered of its event."""

    name: bytes
    value: bytes

    @property
    def content(self) -> bytes:
        """Returns the digest of what was sent: the same for a repeat."""
        return self.value[_RECEIPT_BYTES:]


class FirstEvent(NamedTuple):
    """The event that an ID stands for. `is_same` tells whether the repeat says the same."""

    receipt: UUID
    is_same: bool


def recent_id(event: Event, encoded: bytes) -> RecentId | None:
    """Returns the ID of an event, None if it has none; `encoded` by `encode_event_sorted`.

    What was sent is compared by a checksum. It only tells a sender earlier what PostgreSQL finds by
    a digest, and an ID that is used twice is used twice again.
    """
    key = event.idempotency_key
    if key is None:
        return None
    name = ":".join((str(event.app_id), event.environment, key)).encode()
    at = 5 if encoded[0] == _LONG_ARRAY else 3  # the head of the array, then of the receipt
    receipt = encoded[at : at + _RECEIPT_BYTES]
    at += _RECEIPT_BYTES
    for _ in ("received_at_ms", "app_id", "token_id"):  # not what the sender said
        at += _NUMBER_BYTES[encoded[at]]
    content = crc32(encoded[at:]).to_bytes(_CONTENT_BYTES, "big")
    return RecentId(blake2b(name, digest_size=_NAME_BYTES).digest(), receipt + content)


def first_event(repeat: RecentId, value: bytes) -> FirstEvent | None:
    """Reads what was remembered of the first event with this ID; None if this is the first."""
    if not value:
        return None
    receipt = UUID(bytes=value[:_RECEIPT_BYTES])
    return FirstEvent(receipt, value[_RECEIPT_BYTES:] == repeat.content)


def id_arguments(ids: Iterable[RecentId]) -> list[bytes]:
    """Returns IDs as arguments of a script."""
    return [part for recent in ids for part in recent]
