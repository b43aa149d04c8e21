"""Tells a device's platform by the user agent of Swaarm's SDKs, and the kind of its ids."""

import re
from typing import NamedTuple

from ingest.client import ClientInfo
from ingest.dialects.adjust.described_device import browser_user_agent
from shared import fields

_OWN_FORM = "SwaarmSDK "
_PART = re.compile(r"(\w{1,16})##([^#]{0,128})##")


class Platform(NamedTuple):
    """A platform: the SDK's name in reports, and the kinds of its vendor and advertising ids."""

    sdk: str
    vendor_kind: str
    advertising_kind: str


IOS = Platform("swaarm-ios", "idfv", "idfa")
ANDROID = Platform("swaarm-android", "google_app_set_id", "gps_adid")
WEB = Platform("swaarm-web", "web_uuid", "gps_adid")


class SdkDevice(NamedTuple):
    """The device of a call: its platform, and its user agent, as sent or as it would be."""

    platform: Platform
    user_agent: str | None
    described: str | None


def device_of(client: ClientInfo) -> SdkDevice:
    """Returns the device that calls."""
    header = client.user_agent or ""
    if not header.startswith(_OWN_FORM):
        platform = ANDROID if "Android" in header else IOS if "iPhone" in header else WEB
        is_too_long = len(header) > fields.USER_AGENT_CHARACTERS_MAX
        return SdkDevice(platform, None if is_too_long else header or None, None)
    parts = dict(_PART.findall(header[: fields.USER_AGENT_CHARACTERS_MAX]))
    system = parts.get("Os", "")
    described = browser_user_agent(
        {
            "os_name": system,
            "os_version": parts.get("Osv", ""),
            "device_name": parts.get("Model", ""),
        }
    )
    return SdkDevice(IOS if system.lower() == "ios" else ANDROID, None, described)
