"""Reads `context`: the device and address of the user, and the click that led to their page.

What is read gets the names of Waybill's own parameters; the rest stays as it was sent.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from ingest.dialects.adjust.described_device import browser_user_agent
from ingest.dialects.sdk_referrer import read_referrer
from ingest.dialects.segment.properties import decoded_object
from ingest.parameters import Parameters
from shared.integration_log import UnreadReason
from shared.names.invisible import trimmed

_NAME = "context"
# The names of a device's own ID and of its advertising ID, by platform.
_DEVICE_KINDS = {
    "ios": ("idfv", "idfa"),
    "ipados": ("idfv", "idfa"),
    "tvos": ("idfv", "idfa"),
    "android": ("android_id", "gps_adid"),
}


def spread_context(parameters: Parameters) -> str | None:
    """Gives what is known of the context names of its own; returns the device that it describes."""
    text = parameters.get(_NAME)
    context = decoded_object(text)
    if context is None:
        if text:
            parameters.note(_NAME, text, UnreadReason.UNREADABLE)
        return None
    parameters.take(_NAME)
    device, system = _part(context, "device"), _part(context, "os")
    platform = (_text(system, "name") or _text(device, "type")).lower()
    own_kind, advertising_kind = _DEVICE_KINDS.get(platform, ("", ""))
    sent = {
        "ip_address": _pop(context, "ip"),
        "user_agent": _pop(context, "userAgent"),
        "click_id": _click_id(_part(context, "page")),
    }
    if own_kind:
        sent |= {own_kind: _pop(device, "id"), advertising_kind: _pop(device, "advertisingId")}
    for name, value in sent.items():
        if value and not parameters.get(name):
            parameters.put_back(name, value)
    if rest := {name: value for name, value in context.items() if value not in ({}, None)}:
        parameters.put_back(_NAME, msgspec.json.encode(rest).decode())
    return browser_user_agent(
        {
            "os_name": platform,
            "os_version": _text(system, "version"),
            "device_name": _text(device, "model") or _text(device, "name"),
            "device_type": _text(device, "model"),
        }
    )


def _click_id(page: Mapping[str, object]) -> str:
    """Returns the click that a link of Waybill has added to the address of a page."""
    query = _text(page, "search").removeprefix("?")
    if not query:
        try:
            query = urlsplit(_text(page, "url")).query
        except ValueError:
            return ""
    return read_referrer(query).click_id or ""


def _part(context: Mapping[str, object], name: str) -> dict[str, object]:
    part = context.get(name)
    return part if isinstance(part, dict) else {}


def _text(part: Mapping[str, object], name: str) -> str:
    value = part.get(name)
    return trimmed(value) if isinstance(value, str) and "\0" not in value else ""


def _pop(part: dict[str, object], name: str) -> str:
    """Takes a text out of a part; anything else stays there."""
    text = _text(part, name)
    if text:
        del part[name]
    return text
