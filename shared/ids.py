"""Creates receipts and click ids, which sort by the time of their creation.

A receipt is a UUIDv7 (RFC 9562). Tables of events are partitioned by receipt, one partition a day:
because the id begins with its time, a receipt is both a unique key and tells its partition.

A click id is the same number in 22 characters, because it travels in addresses: 6 bits a character,
in a URL-safe alphabet in the order of its code points.
"""

import os
from hashlib import blake2b
from uuid import UUID, SafeUUID

RECEIPT_TIME_MS_MAX = (1 << 48) - 1  # the year 10889
_RANDOM_BITS = 74
_RANDOM_BYTES = 10
_RANDOM_MAX = (1 << _RANDOM_BITS) - 1
_LOW_MAX = (1 << 62) - 1
_POOLED = 256
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
_LAST_UNESCAPED = "-"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_VALUES[_LAST_UNESCAPED] = _VALUES["~"]
_CLICK_ID_CHARACTERS = 22  # of 6 bits; the first holds only two

_pool: list[int] = []
# Without this a forked child would issue the same ids as its parent.
os.register_at_fork(after_in_child=_pool.clear)


def new_receipt(now_ms: int) -> UUID:
    """Creates a receipt at `now_ms` (Unix milliseconds)."""
    while True:
        try:
            random = _pool.pop()  # atomic: no two threads get the same
            break
        except IndexError:
            # For many receipts at once: one call each took 3 % of ingest.
            _pool.extend(_drawn(_POOLED))
    return UUID(int=_layout(now_ms, random >> 62, random & _LOW_MAX))


def new_receipts(now_ms: int, count: int) -> list[UUID]:
    """Creates receipts for events that come together, which sort in their order."""
    base = _layout(now_ms, 0, 0)
    receipts = []
    for number in sorted(_drawn(count)):
        # Without the checks of UUID's constructor, which are its larger half.
        receipt = object.__new__(UUID)
        object.__setattr__(receipt, "int", base | (number >> 62) << 64 | (number & _LOW_MAX))
        object.__setattr__(receipt, "is_safe", SafeUUID.unknown)
        receipts.append(receipt)
    return receipts


def derived_receipt(time_ms: int, content: bytes) -> UUID:
    """Derives the receipt of this content at this time, always and everywhere the same."""
    digest = int.from_bytes(blake2b(content, digest_size=10).digest(), "big")
    random = digest & ((1 << _RANDOM_BITS) - 1)
    return UUID(int=_layout(time_ms, random >> 62, random & ((1 << 62) - 1)))


def receipt_floor(time_ms: int) -> UUID:
    """Returns the smallest id of that millisecond: a bound of a range, never a receipt."""
    return UUID(int=time_ms << 80)


def receipt_time_ms(receipt: UUID) -> int:
    """Returns the time when the receipt was created, in Unix milliseconds."""
    return receipt.int >> 80


def click_id_of(receipt: UUID) -> str:
    """Returns the click id of a click with this receipt."""
    rest, characters = receipt.int, []
    for _ in range(_CLICK_ID_CHARACTERS):
        characters.append(_ALPHABET[rest & 63])
        rest >>= 6
    return "".join(reversed(characters))


def unescaped_click_id_of(receipt: UUID) -> str:
    """Returns the click id in characters that no client escapes in an address, so without `~`.

    It is an id of its own, since ids are compared as text, but names the same receipt.
    """
    return click_id_of(receipt).replace("~", _LAST_UNESCAPED)


def _drawn(count: int) -> list[int]:
    """Draws numbers of 74 random bits."""
    random = os.urandom(_RANDOM_BYTES * count)
    return [
        int.from_bytes(random[at : at + _RANDOM_BYTES], "big") & _RANDOM_MAX
        for at in range(0, len(random), _RANDOM_BYTES)
    ]


def receipt_of_click_id(click_id: str) -> UUID | None:
    """Returns the receipt that a click id was made from, None for an id of another form."""
    if len(click_id) != _CLICK_ID_CHARACTERS:
        return None
    number = 0
    for character in click_id:
        value = _VALUES.get(character)
        if value is None:
            return None
        number = number << 6 | value
    return UUID(int=number) if number >> 128 == 0 else None


def _layout(time_ms: int, random_12: int, random_62: int) -> int:
    return (time_ms << 80) | (0x7 << 76) | (random_12 << 64) | (0b10 << 62) | random_62
