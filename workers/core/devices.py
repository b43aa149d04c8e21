"""What a user agent and a device id say, and when they say nothing.

Millions of people carry the same zeroed id, and a crawler is nobody's phone: taking either for
evidence would credit one partner's click with strangers.
"""

import re
from collections.abc import Iterable

import msgspec

from workers.core.placeholders import is_placeholder

# Zeros in any grouping, and made-up ids of one character: 11111111-1111-..., ffffffffffff.
REPEATED = re.compile(r"[0:\-]+|(.)(?:[:\-]*\1){7,}")

# Given to whole series of devices: Android 2.2's one ANDROID_ID, and the address that Android 6
# and iOS 7 answer for every Wi-Fi card.
SHARED_BY_MANY = frozenset({"9774d56d682e549c", "02:00:00:00:00:00"})


class Device(msgspec.Struct, frozen=True):
    """What a user agent describes; "" where it does not say.

    Two devices match when they are equal in family, system and version, and can tell people apart
    at all: family and system are known, and it is not a bot. A version that only one side knows is
    a difference; one that neither knows is not. So matching is plain equality: an index can look it
    up, and a device without a version never becomes the bridge between two different ones.
    """

    family: str
    os: str
    os_version: str = ""
    is_bot: bool = False

    @property
    def tells_people_apart(self) -> bool:
        return bool(self.family and self.os) and not self.is_bot


def identifying(device_ids: Iterable[str]) -> frozenset[str]:
    """The device ids that name one device, in the form in which they are compared.

    They are compared by value alone: the same UUID is the same device, whether one dialect calls it
    `gaid` or another `gps_adid`.
    """
    return frozenset(
        device_id.strip().lower() for device_id in device_ids if not _is_junk(device_id)
    )


def _is_junk(device_id: str) -> bool:
    bare = device_id.strip().lower()
    return is_placeholder(bare) or bare in SHARED_BY_MANY or REPEATED.fullmatch(bare) is not None
