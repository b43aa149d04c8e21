"""Lists the kinds of device ids, recognizes junk values, and chooses the id that names a user.

The rules are the same in every dialect. Device ids are stored with an event by kind, as sent;
decisions compare their normalized form. Source of the order: section 3 of the design; the kinds are
those of Swaarm's page on S2S parameters and of Adjust's S2S pages.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from hashlib import md5, sha1, sha256
from uuid import UUID

from shared.names.invisible import trimmed
from shared.placeholders import WORDS, is_no_id

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
REPEATED = re.compile(r"[0:\-]+|([^:\-])(?:[:\-]*\1){7,}")

# Shared by whole series of devices: the one ANDROID_ID of Android 2.2, the address that Android 6
# and iOS 7 return for every Wi-Fi card, and the IMEI of emulators. Without separators.
SHARED_BY_MANY = frozenset({"9774d56d682e549c", "020000000000", "004999010640000"})

_SHARED_SPELLINGS = SHARED_BY_MANY | {
    "02:00:00:00:00:00",
    "02-00-00-00-00-00",
    "0200.0000.0000",
}
# A UUID, a MAC address, an ANDROID_ID and a hash whose digits are all the same, or an example's x.
_ONE_DIGIT = re.compile(
    r"([0-9a-fx])(?:\1{7}(?:-\1{4}){3}-\1{12}|\1(?:([:\-])\1\1)(?:\2\1\1){4}"
    r"|\1{15}|\1{31}|\1{39}|\1{63})",
    re.ASCII,
)
JUNK_CHARACTERS = frozenset({12, 14, 15, 16, 17, 32, 36, 40, 64})  # the lengths of all these
_AROUND = " \t\r\n{}[]<>\"'`"  # of ASCII: what else may be around an id is trimmed before

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_ADID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NO_HYPHENS = frozenset({"android_id", "imei", "meid"})  # as Adjust's page requires
_SEPARATORS = "-: ."

# The kinds whose ids have one form, compared without case. OAID differs by manufacturer: 16 to 64
# hex digits, grouped or not.
_ADVERTISING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}", re.ASCII)
_MD5, _SHA1 = re.compile(r"[0-9a-f]{32}", re.ASCII), re.compile(r"[0-9a-f]{40}", re.ASCII)
_FORMS: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(("gps_adid", "gaid", "idfa", "fire_adid", "win_adid"), _ADVERTISING),
    **dict.fromkeys(("vida", "rida", "tifa"), _ADVERTISING),
    "oaid": re.compile(r"[0-9a-f][0-9a-f\-]{14,62}[0-9a-f]", re.ASCII),
    "mac": re.compile(r"[0-9a-f]{2}(?:[:\-.]?[0-9a-f]{2}){5}", re.ASCII),
    **dict.fromkeys(
        ("android_id_lower_md5", "android_id_upper_md5", "imei_lower_md5", "mac_md5"), _MD5
    ),
    **dict.fromkeys(("android_id_lower_sha1", "android_id_upper_sha1", "mac_sha1"), _SHA1),
}

# What hashes of junk are made of: ids of one digit in every length and grouping.
_JUNK_SHAPES = (
    *("d", "dd", "dddd", "dddddddd", "dddddddddddd", "dd:dd:dd:dd:dd:dd", "dd-dd-dd-dd-dd-dd"),
    *("dddddddddddddd", "ddddddddddddddd", "dddddddddddddddd", "d" * 32),
    "dddddddd-dddd-dddd-dddd-dddddddddddd",
)
_JUNK_MACROS = (
    *("{x}", "{{x}}", "${x}", "#x#", "%x%", "%%x%%", "%{x}", "[x]", "<x>", "__x__", "#{x}", "{x"),
    *("$x", "$$x$$", "x"),
)
_UUID_DIGITS = 32
_HASH_DIGITS = frozenset({_UUID_DIGITS, 40, 64})  # of MD5, SHA-1, SHA-256


def identifying(device_ids: Iterable[str]) -> frozenset[str]:
    """Returns the device ids that identify one device, in the form in which they are compared.

    They are compared by value alone: the same UUID is the same device, whether a dialect calls it
    `gaid` or `gps_adid`.
    """
    return _identifying(tuple(device_ids))


def usable(device_ids: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the values, as sent, of those ids by kind that may identify a device.

    Where a kind has one form, a value of another form identifies nothing.
    """
    return _usable(tuple(device_ids.items()))[0]


def identifying_of(device_ids: Mapping[str, str]) -> frozenset[str]:
    """Returns the usable ids of these by kind, in the form in which they are compared."""
    return _usable(tuple(device_ids.items()))[1]


# A drain needs the same ids six times between recording an event and deciding.
@lru_cache(maxsize=16_384)
def _usable(device_ids: tuple[tuple[str, str], ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    values, compared = [], []
    for kind, value in device_ids:
        bare = _compared(value)
        if not _is_junk_of(kind, bare):
            values.append(value)
            compared.append(bare)
    return tuple(values), frozenset(compared)


@lru_cache(maxsize=16_384)
def _identifying(device_ids: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_compared(device_id) for device_id in device_ids if not is_junk(device_id))


def is_junk(device_id: str) -> bool:
    """Tells whether an id identifies nobody, such as the zeroed id that millions share."""
    bare = _compared(device_id)
    return is_no_id(bare) or _is_shared(bare)


def _is_shared(bare: str) -> bool:
    if REPEATED.fullmatch(bare) is not None:
        return True
    packed = bare
    for separator in _SEPARATORS:  # a fifth of the time of str.translate
        if packed.isalnum():
            break
        packed = packed.replace(separator, "")
    return packed in SHARED_BY_MANY or (len(packed) in _HASH_DIGITS and packed in _junk_hashes())


def is_junk_of(kind: str, device_id: str) -> bool:
    """Tells whether an id of this kind identifies nobody."""
    return _is_junk_of(kind, _compared(device_id))


def _is_junk_of(kind: str, bare: str) -> bool:
    form = _FORMS.get(kind)
    if form is None:
        return is_no_id(bare) or _is_shared(bare)
    return form.fullmatch(bare) is None or _is_shared(bare)  # no placeholder has such a form


def is_unfilled(text: str) -> bool:
    """Tells whether a text is no id of any kind: a placeholder, or what many devices share.

    Of the invented ids of one character only those are none that have the length of a device id: a
    customer may have the number 11111111.
    """
    if is_no_id(text):
        return True
    bare = text if text.isascii() else trimmed(text)
    if len(bare) not in JUNK_CHARACTERS and bare[0] not in _AROUND and bare[-1] not in _AROUND:
        return False  # as most ids: the rest takes as long as all of the above
    bare = bare.strip(_AROUND).lower()
    return (
        bare in _SHARED_SPELLINGS
        or (bare[:2] == bare[:1] * 2 and _ONE_DIGIT.fullmatch(bare) is not None)
        or is_junk_hash(bare)
    )


def is_junk_hash(text: str) -> bool:
    """Tells whether a text is the MD5, SHA-1 or SHA-256 of a junk id, in either case."""
    return len(text) in _HASH_DIGITS and text.lower() in _junk_hashes()


@cache
def junk_uuids() -> frozenset[str]:
    """Returns the hashes of junk ids that have as many digits as a UUID, written as UUIDs."""
    return frozenset(str(UUID(text)) for text in _junk_hashes() if len(text) == _UUID_DIGITS)


@cache
def _junk_hashes() -> frozenset[str]:
    """Returns the hashes of every known junk id, in either case: 10,000, in some 20 ms.

    A shell appends the end of a line to what it hashes: `echo 0 | md5sum`.
    """
    junk = {*WORDS, "02:00:00:00:00:00", "02-00-00-00-00-00", *SHARED_BY_MANY, "-1", "true"}
    junk |= {shape.replace("d", digit) for shape in _JUNK_SHAPES for digit in "0123456789abcdef"}
    names = {*PRIMARY_ORDER, "aaid", "advertising_id", "google_aid", "device_id", "user_id"}
    names |= {"androidid", "aid", "click_id", "clickid", "mac1", "idfa_md5", "gaid_md5", "oaid_md5"}
    junk |= {macro.replace("x", name) for macro in _JUNK_MACROS for name in names}
    spelled = {text for each in junk for text in (each, each.lower(), each.upper())}
    texts = {(text + end).encode() for text in spelled for end in ("", "\n")} | {b" "}
    return frozenset(
        hashed(text, usedforsecurity=False).hexdigest()
        for text in texts
        for hashed in (md5, sha1, sha256)
    )


def user_id_of(device_ids: Mapping[str, str]) -> str | None:
    """Returns the user id made from device ids by kind: the first usable one of PRIMARY_ORDER."""
    for kind in PRIMARY_ORDER:
        device_id = device_ids.get(kind)
        if device_id is not None and not is_junk_of(kind, device_id):
            return user_id_by(kind, device_id)
    return None


def user_id_by(kind: str, device_id: str) -> str:
    """Returns the user id made from a device id of this kind that identifies a device."""
    if kind in _NO_HYPHENS:
        return trimmed(device_id).replace("-", "").lower()
    if _UUID.fullmatch(device_id):  # as nearly all are, and nothing is around it
        return device_id.lower()
    return as_user_id(trimmed(device_id))


def as_user_id(text: str) -> str:
    """Returns a user id in its canonical form: a UUID in lower case, anything else unchanged.

    iOS writes an IDFV in capitals and Android an AppSetId in lower case; a sender that changes the
    case still means the same device.
    """
    return text.lower() if _UUID.fullmatch(text) else text


# A session is answered with it, and leaves a marker under it.
@lru_cache(maxsize=64)
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
    return trimmed(device_id).lower()
