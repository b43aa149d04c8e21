"""Reads what a sender says of a device in words, and completes it by its user agent.

Apps send `os_name`, `os_version`, `device_name` and `device_type` (Adjust's S2S guide); networks
that call for their visitors fill the same into a click's parameters.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from shared.names.invisible import trimmed
from shared.placeholders import is_no_id
from workers.core.device_models import is_named, told_model
from workers.core.devices import Device
from workers.core.os_versions import SAFARI, short_version, version_range

SYSTEMS: Final = {
    "ios": "iOS", "ipados": "iOS", "iphoneos": "iOS", "iphone": "iOS", "ipad": "iOS",
    "android": "Android", "androidos": "Android", "fireos": "Android", "harmonyos": "Android",
    "macos": "Mac OS X", "macosx": "Mac OS X", "osx": "Mac OS X", "mac": "Mac OS X",
    "windows": "Windows", "windowsnt": "Windows", "win": "Windows", "win32": "Windows",
    "linux": "Linux", "ubuntu": "Linux", "chromeos": "Chrome OS", "cros": "Chrome OS",
}  # fmt: skip

_SYSTEM = re.compile(r"([A-Za-z][A-Za-z _\-]{0,30}?)[ _\-]*(\d[\d._]{0,15})?", re.ASCII)
_VERSION = re.compile(r"\D{0,12}?(\d{1,4}(?:[._]\d{1,5}){0,3})(?:[ (].*)?", re.ASCII)
_MODEL = re.compile(r"[\w .,+()/\-]{1,64}", re.ASCII)
_APPLE = ("iphone", "ipad", "ipod")

# Names under which the same is sent: Adjust's and Swaarm's first.
OS_NAMES: Final = ("os_name", "os", "platform")
OS_VERSIONS: Final = ("os_version", "osv", "os_ver")
MODELS: Final = ("device_name", "device_model")
TYPES: Final = ("device_type",)
DESCRIBING: Final = frozenset({*OS_NAMES, *MODELS, *TYPES})  # without any, nothing is described
_NAMES: Final = (*OS_NAMES, *OS_VERSIONS, *MODELS, *TYPES)

# Some send the level of Android's API for its version. Source: developer.android.com, "API Levels".
_ANDROID_OF_API: Final = {
    "21": "5.0", "22": "5.1", "23": "6", "24": "7.0", "25": "7.1", "26": "8.0", "27": "8.1",
    "28": "9", "29": "10", "30": "11", "31": "12", "32": "12", "33": "13", "34": "14", "35": "15",
    "36": "16",
}  # fmt: skip


def described_in(parameters: Mapping[str, str]) -> Device | None:
    """Returns the device that parameters describe; None if they name no system that is known."""
    return _described(*[parameters.get(name, "") for name in _NAMES])


# A phone says the same with each of its events.
@lru_cache(maxsize=8192)
def _described(*sent: str) -> Device | None:
    filled = {
        name: text
        for name, value in zip(_NAMES, sent, strict=True)
        if (text := trimmed(value)) and not is_no_id(text)
    }
    os_name, os_version, name, kind = (
        next((filled[name] for name in names if name in filled), "")
        for names in (OS_NAMES, OS_VERSIONS, MODELS, TYPES)
    )
    model = told_model(name) if _MODEL.fullmatch(name) else ""
    if not model.lower().startswith(_APPLE) and kind.lower() in _APPLE:
        model = kind  # a device_name may be what its owner called it; the type says what it is
    named = _SYSTEM.fullmatch(os_name)
    letters = "".join(filter(str.isalpha, named[1].lower())) if named else ""
    system = SYSTEMS.get(letters, "")
    if not system and model.lower().startswith(_APPLE):
        system = "iOS"
    if not system:
        return None
    numbered = _VERSION.fullmatch(os_version)
    version = numbered[1] if numbered else named[2] if named else None
    version = short_version(version or "")
    if system == "Android":
        version = _ANDROID_OF_API.get(version, version)
    return Device(family=model, os=system, os_version=version)


@lru_cache(maxsize=8192)
def completed(described: Device | None, agent: Device | None) -> Device | None:
    """Returns what both say of one device; where they differ, the description knows better.

    A description that was itself read from a frozen user agent knows no more than that agent: the
    version that the agent proves is taken.
    """
    if described is None or agent is None:
        return described or agent
    family, version = described.family, described.os_version
    if described.os == agent.os:
        family = family if is_named(family) else agent.family or family
        version = _version(described, agent)
    elif described.os == "iOS" and agent.os_version.startswith(SAFARI):
        version = version or agent.os_version.removeprefix(SAFARI)
    return Device(family, described.os, version, agent.is_bot)


def _version(described: Device, agent: Device) -> str:
    if not described.os_version:
        return agent.os_version
    is_reduced = not agent.family and not agent.os_version
    if described.os == "Android" and described.os_version in {"10", "10.0"} and is_reduced:
        return ""
    proven, said = version_range(agent.os_version), version_range(described.os_version)
    is_frozen = said is not None and said.first in {(18, 6), (18, 7)}
    if is_frozen and proven is not None and proven.first >= (26, 0):
        return agent.os_version
    return described.os_version
