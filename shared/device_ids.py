"""Lists the kinds of device ids, recognizes junk values, and chooses the id that names a user.

The rules are the same in every dialect. Device ids are stored with an event by kind, as sent;
decisions compare their normalized form. Source of the order: section 3 of the design; the kinds are
those of Swaarm's page on S2S parameters and of Adjust's S2S pages.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256

from shared.placeholders import is_placeholder

# In the order of preference for naming a user: first those that survive a reset of the advertising
# id and stay within one developer's apps, then advertising ids, then the rest.
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
    "adid",  # of another system: an adid of ours stands for the id that it was derived from
)
DEVICE_IDS = frozenset(PRIMARY_ORDER)

# Zeros in any grouping, and invented ids of one character: 11111111-1111-..., ffffffffffff.
REPEATED = re.compile(r"[0:\-]+|(.)(?:[:\-]*\1){7,}")

# Shared by whole series of devices: the one ANDROID_ID of Android 2.2, and the address that
# Android 6 and iOS 7 return for every Wi-Fi card.
SHARED_BY_MANY = frozenset({"9774d56d682e549c", "02:00:00:00:00:00"})

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_ADID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NO_HYPHENS = frozenset({"android_id", "imei", "meid"})  # as Adjust's page requires


def identifying(device_ids: Iterable[str]) -> frozenset[str]:
    """Returns the device ids that identify one device, in the form in which they are compared.

    They are compared by value alone: the same UUID is the same device, whether a dialect calls it
    `gaid` or `gps_adid`.
    """
    return _identifying(tuple(device_ids))


# A drain needs the same ids six times between recording an event and deciding.
@lru_cache(maxsize=16_384)
def _identifying(device_ids: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_compared(device_id) for device_id in device_ids if not is_junk(device_id))


def is_junk(device_id: str) -> bool:
    """Tells whether an id identifies nobody, such as the zeroed id that millions share."""
    bare = _compared(device_id)
    return is_placeholder(bare) or bare in SHARED_BY_MANY or REPEATED.fullmatch(bare) is not None


def user_id_of(device_ids: Mapping[str, str]) -> str | None:
    """Returns the user id made from device ids by kind: the first usable one of PRIMARY_ORDER."""
    for kind in PRIMARY_ORDER:
        device_id = device_ids.get(kind)
        if device_id is not None and not is_junk(device_id):
            bare = device_id.strip()
            return bare.replace("-", "").lower() if kind in _NO_HYPHENS else as_user_id(bare)
    return None


def as_user_id(text: str) -> str:
    """Returns a user id in its canonical form: a UUID in lower case, anything else unchanged.

    iOS writes an IDFV in capitals and Android an AppSetId in lower case; a sender that changes the
    case still means the same device.
    """
    return text.lower() if _UUID.fullmatch(text) else text


def adid_of(app_id: int, user_id: str) -> str:
    """Returns the adid of a session's response: 32 hex digits, constant for an app and a user.

    It is one-way. `shared/schema.sql` derives the same value from a row of `users`, so that the
    user can be found by it.
    """
    return sha256(f"{app_id}:{user_id}".encode()).hexdigest()[:32]


def adid_bytes(adid: str) -> bytes | None:
    """Returns an adid in the form in which the tables find its user; None if it is no adid."""
    return bytes.fromhex(adid) if _ADID.fullmatch(adid) else None


def _compared(device_id: str) -> str:
    return device_id.strip().lower()
