"""Tells whose click a click id names, for postbacks of networks, which know no more than that.

A click id that ingest gives out ends in a seal: 24 of its random bits are a keyed hash of the
others, the app and the environment. So the app is known without looking anything up, and of made-up
ids one in 16 million passes. What remains are 50 random bits in each millisecond.

A click id of Swaarm names its offer and publisher, and so a link that was moved from there.
"""

from base64 import urlsafe_b64decode
from binascii import Error as EncodingError
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import product
from typing import Final
from uuid import UUID

from shared.events import Environment
from shared.ids import receipt_of, receipt_of_click_id
from shared.keys.click_keys import click_key
from shared.snapshot import LinkKey

_SEAL_BITS: Final = 24
_SEAL: Final = (1 << _SEAL_BITS) - 1
_BASE64_GROUP: Final = 4

# Of Swaarm's published click ids: 28, 34 and 40 characters of base64, of which 5 bytes are opaque
# (the first is 1 to 5), 8 are Unix milliseconds, 4 the offer and 4 the publisher.
_SWAARM_CHARACTERS: Final = frozenset({28, 34, 40})
_SWAARM_FIRST: Final = "AB"
_OFFER, _PUBLISHER = slice(13, 17), slice(17, 21)


class ClickSeal:
    """The keyed hash in the click ids that ingest gives out."""

    def __init__(self, secret_key: bytes, former_keys: Sequence[bytes] = ()) -> None:
        keys = (click_key(secret_key), *former_keys)
        self._hashes = tuple(blake2b(key=key, digest_size=_SEAL_BITS // 8) for key in keys)

    def seal(self, receipt: UUID, app_id: int, environment: Environment) -> UUID:
        """Returns the receipt of a click with its seal; it keeps its time and order."""
        sealed = _sealed(self._hashes[0], receipt, app_id, environment)
        return receipt_of(receipt.int & ~_SEAL | sealed)

    def owner(self, click_id: str, app_ids: Iterable[int]) -> tuple[int, Environment] | None:
        """Returns the app and environment of a click id, if it was given out for one of these."""
        receipt = receipt_of_click_id(click_id)
        if receipt is None:
            return None
        for keyed, app_id, environment in product(self._hashes, app_ids, Environment):
            if _sealed(keyed, receipt, app_id, environment) == receipt.int & _SEAL:
                return app_id, environment
        return None


def _sealed(keyed: blake2b, receipt: UUID, app_id: int, environment: Environment) -> int:
    content = keyed.copy()  # the key is hashed once, and not for each click
    content.update(b"%d:%s:%d" % (app_id, environment.encode(), receipt.int >> _SEAL_BITS))
    return int.from_bytes(content.digest(), "big")


def link_of_swaarms(click_id: str) -> LinkKey | None:
    """Returns the offer and publisher in a click id of Swaarm, None for an id of another form."""
    if len(click_id) not in _SWAARM_CHARACTERS or click_id[0] not in _SWAARM_FIRST:
        return None
    try:
        content = urlsafe_b64decode(click_id + "=" * (-len(click_id) % _BASE64_GROUP))
    except (EncodingError, ValueError):
        return None
    offer, publisher = (int.from_bytes(content[part], "big") for part in (_OFFER, _PUBLISHER))
    return LinkKey(str(offer), str(publisher))
