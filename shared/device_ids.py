"""Device ids: the kinds there are, what is junk among them, and which of them names a user.

The same in every dialect. They are kept with an event by kind, as sent; what decisions compare is
their normal form. Source of the order: section 3 of the design; the kinds are those of Swaarm's
page on S2S parameters and of Adjust's S2S pages.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256

from shared.placeholders import is_placeholder

# In the order in which one of them is chosen to name a user: first those that outlive a reset of
# the advertising id and stay within one developer's apps, then advertising ids, then the rest.
PRIMARY_ORDER = (
    "idfv",  # iOS, of one vendor's apps
    "google_app_set_id",  # Android, of one developer's apps
    "android_id",
    "gps_adid",  # Android, advertising
    "gaid",  # the same, as Swaarm spells it
    "idfa",  # iOS, advertising
    "fire_adid",  # Amazon
    "oaid",  # Android in China
    "persistent_ios_uuid",
    "win_adid",
    "win_naid",
    "win_hwid",
    "vida",  # Vizio
    "rida",  # Roku
    "tifa",  # Tizen
    "web_uuid",
    "external_device_id",  # PCs and consoles
    "imei",
    "meid",
    "mac",
    "android_id_lower_md5",
    "android_id_upper_md5",
    "android_id_lower_sha1",
    "android_id_upper_sha1",
    "imei_lower_md5",
    "mac_md5",
    "mac_sha1",
    "primary_dedupe_token",
    "adid",  # of another system: one of ours stands for the id that it was made of
)
DEVICE_IDS = frozenset(PRIMARY_ORDER)

# Zeros in any grouping, and made-up ids of one character: 11111111-1111-..., ffffffffffff.
REPEATED = re.compile(r"[0:\-]+|(.)(?:[:\-]*\1){7,}")

# Given to whole series of devices: Android 2.2's one ANDROID_ID, and the address that Android 6
# and iOS 7 answer for every Wi-Fi card.
SHARED_BY_MANY = frozenset({"9774d56d682e549c", "02:00:00:00:00:00"})

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_ADID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NO_HYPHENS = frozenset({"android_id", "imei", "meid"})  # as Adjust's page asks for them


def identifying(device_ids: Iterable[str]) -> frozenset[str]:
    """The device ids that name one device, in the form in which they are compared.

    They are compared by value alone: the same UUID is the same device, whether one dialect calls it
    `gaid` or another `gps_adid`.
    """
    return _identifying(tuple(device_ids))


# A drain asks about the same ids six times between recording an event and deciding.
@lru_cache(maxsize=16_384)
def _identifying(device_ids: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_compared(device_id) for device_id in device_ids if not is_junk(device_id))


def is_junk(device_id: str) -> bool:
    """Millions of people carry the same zeroed id: it names nobody."""
    bare = _compared(device_id)
    return is_placeholder(bare) or bare in SHARED_BY_MANY or REPEATED.fullmatch(bare) is not None


def user_id_of(device_ids: Mapping[str, str]) -> str | None:
    """The user id that these make, by kind: the first in PRIMARY_ORDER that is one."""
    for kind in PRIMARY_ORDER:
        device_id = device_ids.get(kind)
        if device_id is not None and not is_junk(device_id):
            return _normal(kind, device_id)
    return None


def as_user_id(text: str) -> str:
    """A user id in the one form that it has: a UUID in lower case, anything else as it is.

    iOS writes an IDFV in capitals and Android an AppSetId in small letters; whoever copies one into
    the other's case means the same device.
    """
    return text.lower() if _UUID.fullmatch(text) else text


def adid_of(app_id: int, user_id: str) -> str:
    """What a session's answer calls a user: 32 hex digits, the same for an app and user for ever.

    One-way. `shared/schema.sql` makes the same of a row of `users`, so that it leads back.
    """
    return sha256(f"{app_id}:{user_id}".encode()).hexdigest()[:32]


def adid_bytes(adid: str) -> bytes | None:
    """As the tables find its user; None for what is no adid."""
    return bytes.fromhex(adid) if _ADID.fullmatch(adid) else None


def _compared(device_id: str) -> str:
    return device_id.strip().lower()


def _normal(kind: str, device_id: str) -> str:
    bare = device_id.strip()
    if kind in _NO_HYPHENS:
        return bare.replace("-", "").lower()
    return as_user_id(bare)
