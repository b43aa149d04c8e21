"""Receipts and click ids, which sort by the time they were given.

A receipt is a UUIDv7 (RFC 9562). Tables of events are partitioned by receipt, one partition a day:
the time in front of the id is what makes a receipt both a unique key and an address.

A click id is the same number in 22 characters, for it travels in addresses: 6 bits a character, in
an alphabet that is URL-safe and in the order of its code points.
"""

import os
from hashlib import blake2b
from uuid import UUID

RECEIPT_TIME_MS_MAX = (1 << 48) - 1  # the year 10889
_RANDOM_BITS = 74
_RANDOM_BYTES = 10
_POOLED = 256
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
_CLICK_ID_CHARACTERS = 22  # of 6 bits: the first holds two bits only

_pool: list[int] = []
# A child would give out what its parent does.
os.register_at_fork(after_in_child=_pool.clear)


def new_receipt(now_ms: int) -> UUID:
    """A receipt given at `now_ms` (Unix milliseconds)."""
    random = _random()
    return UUID(int=_layout(now_ms, random >> 62, random & ((1 << 62) - 1)))


def derived_receipt(time_ms: int, content: bytes) -> UUID:
    """The one receipt of this content at this time: the same whenever and wherever it is asked."""
    digest = int.from_bytes(blake2b(content, digest_size=10).digest(), "big")
    random = digest & ((1 << _RANDOM_BITS) - 1)
    return UUID(int=_layout(time_ms, random >> 62, random & ((1 << 62) - 1)))


def receipt_floor(time_ms: int) -> UUID:
    """The smallest id of that millisecond: a bound of a range, never a receipt."""
    return UUID(int=time_ms << 80)


def receipt_time_ms(receipt: UUID) -> int:
    """When the receipt was given, Unix milliseconds."""
    return receipt.int >> 80


def click_id_of(receipt: UUID) -> str:
    """The click id of a click with this receipt."""
    rest, characters = receipt.int, []
    for _ in range(_CLICK_ID_CHARACTERS):
        characters.append(_ALPHABET[rest & 63])
        rest >>= 6
    return "".join(reversed(characters))


def _random() -> int:
    """74 random bits, drawn for many receipts at once: a call each was 3 % of ingest."""
    while True:
        try:
            return _pool.pop()  # one step for every thread: no two get the same
        except IndexError:
            drawn = os.urandom(_RANDOM_BYTES * _POOLED)
            _pool.extend(
                int.from_bytes(drawn[at : at + _RANDOM_BYTES], "big") & ((1 << _RANDOM_BITS) - 1)
                for at in range(0, len(drawn), _RANDOM_BYTES)
            )


def _layout(time_ms: int, random_12: int, random_62: int) -> int:
    return (time_ms << 80) | (0x7 << 76) | (random_12 << 64) | (0b10 << 62) | random_62
