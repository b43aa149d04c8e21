"""Reads whose device a call is about: its IDs, what describes it, and the click that it came from.

The device names the user, as at Singular: most calls are sent before somebody has signed in, and
the same person's calls before and after must not be two users.
"""

from urllib.parse import unquote, urlsplit

import msgspec

from ingest.dialects.adjust.described_device import browser_user_agent
from ingest.dialects.common_fields import rename, take_device_ids, take_id
from ingest.dialects.sdk_referrer import read_referrer
from ingest.dialects.singular.responses import InvalidPlatform
from ingest.parameters import Parameters
from shared import fields
from shared.device_ids import user_id_of
from shared.errors import MissingField, UnknownDevice
from shared.names.invisible import trimmed

_PLATFORMS = frozenset(
    ("android", "ios", "web", "pc", "xbox", "playstation", "nintendo", "metaquest", "ctv")
)
_KEPT_AS = {
    "aifa": "gps_adid",
    "amid": "fire_adid",
    "andi": "android_id",
    "asid": "google_app_set_id",
    "ip": "ip_address",
    "sdid": "external_device_id",
    "ua": "user_agent",
}
_NO_DEVICE = "Send a device ID of the platform, such as idfv or asid."

_decoder = msgspec.json.Decoder(dict[str, object])


def check_app(parameters: Parameters) -> None:
    """Checks platform and app, which stay among the parameters.

    Raises MissingField, InvalidPlatform.
    """
    platform = trimmed(parameters.get("p"))
    if not platform:
        raise MissingField("p")
    if platform.lower() not in _PLATFORMS:
        raise InvalidPlatform(platform)
    if not trimmed(parameters.get("i")):
        raise MissingField("i")


def take_device(parameters: Parameters) -> tuple[str, dict[str, str]]:
    """Takes the user and the device IDs. Raises UnknownDevice if no ID names anybody."""
    rename(parameters, _KEPT_AS)
    device_ids = take_device_ids(parameters, forgiving=True)
    user_id = user_id_of(device_ids)
    for name in ("match_id", "custom_user_id"):
        value = take_id(parameters, fields.user_id, name)
        if value is not None:
            parameters.put_back(name, value)
            user_id = user_id or value
    if user_id is None:
        raise UnknownDevice(_NO_DEVICE)
    return user_id, device_ids


def described_device(parameters: Parameters) -> str | None:
    """Returns the user agent of the device that a call describes."""
    model = parameters.get("mo")
    return browser_user_agent(
        {
            "os_name": parameters.get("p"),
            "os_version": parameters.get("ve"),
            "device_name": model,
            "device_type": model,
        }
    )


def referred_click_id(parameters: Parameters) -> str | None:
    """Returns the click that a store's referrer or the link that opened the app names."""
    try:
        referrer = _decoder.decode(parameters.get("install_ref")).get("referrer")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        referrer = None
    if isinstance(referrer, str) and (found := read_referrer(unquote(referrer)).click_id):
        return found
    try:
        query = urlsplit(parameters.get("openuri")).query
    except ValueError:
        return None
    return read_referrer(query).click_id
