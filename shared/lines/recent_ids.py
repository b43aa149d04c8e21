"""Remembers the IDs of the last events that came in batches, so that a repeat is told at once.

Which event an idempotency key stands for is settled in PostgreSQL, by whoever writes the key first,
and for ever. A sender that repeats a batch wants to know earlier, while the first may still wait in
the inbox: so the script that appends a batch also looks up its IDs among the last ones, and adds
them. The memory is a hint: an ID that it has lost is accepted once more, and found in PostgreSQL.

There are two hashes in turns. Once the current one holds IDS_MAX, the other is dropped and becomes
the current one: so at least the last IDS_MAX are known, whatever the rate, for a day.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

import msgspec

from shared.events import Environment, Event

IDS_MAX = 250_000  # two hashes of these are 55 MB
IDS_MS = 86_400_000

_UNPACKED_MAX = 4_000  # arguments of a command: Lua has room for 8,000 values

_NAME_BYTES = 12
_RECEIPT_BYTES = 16
_CONTENT_BYTES = 4
_VALUE_BYTES = _RECEIPT_BYTES + _CONTENT_BYTES

# For scripts: returns for each ID the value of its first event, or an empty text if there is none;
# remembers those. `all` has their names in a row, and `values` their values. The key `turns` says
# which of the two `hashes` is the current one: 0 or 1.
RECALL = f"""
local function look_up(hash, names)
  local found = {{}}
  for from = 1, #names, {_UNPACKED_MAX} do
    local till = math.min(from + {_UNPACKED_MAX} - 1, #names)
    local values = redis.call('HMGET', hash, unpack(names, from, till))
    for i = 1, till - from + 1 do
      found[from + i - 1] = values[i]
    end
  end
  return found
end
local function recall(turns, hashes, all, values)
  local names, firsts, new, fresh = {{}}, {{}}, {{}}, {{}}
  for i = 1, #all / {_NAME_BYTES} do
    names[i] = string.sub(all, (i - 1) * {_NAME_BYTES} + 1, i * {_NAME_BYTES})
  end
  local turn = tonumber(redis.call('GET', turns) or 0)
  local current, other = hashes[turn + 1], hashes[2 - turn]
  local here, there = look_up(current, names), look_up(other, names)
  for i, name in ipairs(names) do
    local first = here[i] or there[i] or fresh[name]
    firsts[i] = first or ''
    if not first then
      fresh[name] = string.sub(values, (i - 1) * {_VALUE_BYTES} + 1, i * {_VALUE_BYTES})
      new[#new + 1] = name
      new[#new + 1] = fresh[name]
    end
  end
  if #new > 0 then
    for from = 1, #new, {_UNPACKED_MAX} do
      redis.call('HSET', current, unpack(new, from, math.min(from + {_UNPACKED_MAX} - 1, #new)))
    end
    redis.call('PEXPIRE', current, {IDS_MS})
    if redis.call('HLEN', current) >= {IDS_MAX} then
      redis.call('DEL', other)
      redis.call('SET', turns, 1 - turn)
    end
  end
  return firsts
end
"""

# How many bytes a whole number has in msgpack, by its first one.
_NUMBER_BYTES = {**dict.fromkeys(range(128), 1), 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9}
_LONG_ARRAY = 0xDC


class RecentId(msgspec.Struct, frozen=True, gc=False):
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


class IdDigests:
    """The digests of the IDs that come together: of one app and environment, by one token."""

    def __init__(self, app_id: int, environment: Environment) -> None:
        self._prefix = f"{app_id}:{environment}:".encode()
        self._unsaid_bytes: int | None = None

    def digests(self, line_ids: Sequence[str], encoded: Sequence[bytes]) -> list[RecentId]:
        """Returns the IDs of events; `encoded` by `encode_event_sorted`.

        What was sent is compared by a checksum. It only tells a sender earlier what PostgreSQL
        finds by a digest, and an ID that is used twice is used twice again.
        """
        prefix = self._prefix
        texts = [prefix + line_id.encode() for line_id in line_ids]
        names = [blake2b(text, digest_size=_NAME_BYTES).digest() for text in texts]
        # The head of the array, and of the receipt.
        heads = [5 if event[0] == _LONG_ARRAY else 3 for event in encoded]
        if self._unsaid_bytes is None and encoded:
            self._unsaid_bytes = _unsaid_bytes(encoded[0], heads[0] + _RECEIPT_BYTES)
        skipped = _RECEIPT_BYTES + (self._unsaid_bytes or 0)
        values = [
            event[head : head + _RECEIPT_BYTES]
            + crc32(event[head + skipped :]).to_bytes(_CONTENT_BYTES, "big")
            for head, event in zip(heads, encoded, strict=True)
        ]
        return list(map(RecentId, names, values))


def _unsaid_bytes(encoded: bytes, at: int) -> int:
    """Returns how many bytes have `received_at_ms`, `app_id` and `token_id`, which nobody sends."""
    end = at
    for _ in range(3):
        end += _NUMBER_BYTES[encoded[end]]
    return end - at


def recent_id(event: Event, encoded: bytes) -> RecentId | None:
    """Returns the ID of one event, None if it has none; `encoded` by `encode_event_sorted`."""
    if event.idempotency_key is None:
        return None
    digests = IdDigests(event.app_id, event.environment)
    return digests.digests([event.idempotency_key], [encoded])[0]


def first_event(repeat: RecentId, value: bytes) -> FirstEvent | None:
    """Reads what was remembered of the first event with this ID; None if this is the first."""
    if not value:
        return None
    receipt = UUID(bytes=value[:_RECEIPT_BYTES])
    return FirstEvent(receipt, value[_RECEIPT_BYTES:] == repeat.content)


def id_arguments(ids: Sequence[RecentId]) -> list[bytes]:
    """Returns IDs as arguments of a script: names and values in a row, if there are any.

    Two arguments and not a thousand, each of which costs a client as much as its digest.
    """
    if not ids:
        return []
    return [b"".join([recent.name for recent in ids]), b"".join([recent.value for recent in ids])]
