"""Creates receipts and click ids, which sort by the time of their creation.

A receipt is a UUIDv7 (RFC 9562). Tables of events are partitioned by receipt, one partition a day:
because the id begins with its time, a receipt is both a unique key and tells its partition.

A click id is the same number in 22 characters, because it travels in addresses: 6 bits a character,
in a URL-safe alphabet in the order of its code points.
"""

import os
import string
from binascii import b2a_base64
from hashlib import blake2b
from uuid import UUID

import msgspec

RECEIPT_TIME_MS_MAX = (1 << 48) - 1  # the year 10889
_RANDOM_BITS = 74
_RECEIPT_BYTES, _TIME_BYTES, _RANDOM_BYTES = 16, 6, 10
_POOLED = 256
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
_LAST_UNESCAPED = "-"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_VALUES[_LAST_UNESCAPED] = _VALUES["~"]
_CLICK_ID_CHARACTERS = 22  # of 6 bits; the first holds only two
_BASE64_BYTES = 18  # a multiple of three that holds them
_OF_BASE64 = bytes.maketrans(
    (string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/").encode(),
    _ALPHABET.encode(),
)

# The version and the variant of a UUIDv7, and the bits around them, in each of several at once.
_FIXED = (0x7 << 76 | 0b10 << 62).to_bytes(_RANDOM_BYTES, "big")
_FREE = ((1 << 80) - 1 & ~(0xF << 76 | 0b11 << 62)).to_bytes(_RANDOM_BYTES, "big")
_BIN = b"\xc4\x10"  # the head of 16 bytes in msgpack
# A UUID by msgspec takes a fifth of what its own constructor and `str` do, which check and format.
_decode = msgspec.msgpack.Decoder(UUID).decode
_decode_all = msgspec.msgpack.Decoder(list[UUID]).decode

_pool: list[bytes] = []
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
    return _decode(_BIN + now_ms.to_bytes(_TIME_BYTES, "big") + random)


def receipt_of(number: int) -> UUID:
    """Returns the id that is this number, which has to be one of 128 bits."""
    return _decode(_BIN + number.to_bytes(_RECEIPT_BYTES, "big"))


def receipt_text(receipt: UUID) -> str:
    """Returns what `str` returns, in a third of the time."""
    text: str = msgspec.to_builtins(receipt)
    return text


def new_receipts(now_ms: int, count: int) -> list[UUID]:
    """Creates receipts for events that come together, which sort in their order."""
    head = _BIN + now_ms.to_bytes(_TIME_BYTES, "big")
    ids = [head + random for random in sorted(_drawn(count))]
    return _decode_all(b"\xdd" + count.to_bytes(4, "big") + b"".join(ids))


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
    # As base64 of 144 bits, of which the first 12 are zeros: in C, where a loop took 3 us.
    encoded = b2a_base64(receipt.int.to_bytes(_BASE64_BYTES, "big"), newline=False)
    return encoded[-_CLICK_ID_CHARACTERS:].translate(_OF_BASE64).decode()


def unescaped_click_id_of(receipt: UUID) -> str:
    """Returns the click id in characters that no client escapes in an address, so without `~`.

    It is an id of its own, since ids are compared as text, but names the same receipt.
    """
    return click_id_of(receipt).replace("~", _LAST_UNESCAPED)


def _drawn(count: int) -> list[bytes]:
    """Draws the last ten bytes of so many receipts: 74 random bits, the version and the variant."""
    size = _RANDOM_BYTES * count
    # In all of them at once: one by one took most of what a receipt takes.
    free, fixed = (int.from_bytes(part * count, "big") for part in (_FREE, _FIXED))
    random = (int.from_bytes(os.urandom(size), "big") & free | fixed).to_bytes(size, "big")
    return [random[at : at + _RANDOM_BYTES] for at in range(0, size, _RANDOM_BYTES)]


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
