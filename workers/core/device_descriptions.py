"""Reads what a sender says of a device in words, and completes it by its user agent.

Apps send `os_name`, `os_version`, `device_name` and `device_type` (Adjust's S2S guide); networks
that call for their visitors fill the same into a click's parameters.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from shared.names.invisible import trimmed
from shared.placeholders import is_no_id
from workers.core.device_models import is_named, told_model
from workers.core.devices import Device
from workers.core.os_versions import SAFARI, android_version, short_version, version_range

SYSTEMS: Final = {
    "ios": "iOS", "ipados": "iOS", "iphoneos": "iOS", "iphone": "iOS", "ipad": "iOS",
    "visionos": "iOS", "xros": "iOS", "tvos": "tvOS", "appletv": "tvOS", "appletvos": "tvOS",
    "android": "Android", "androidos": "Android", "androidtv": "Android", "googletv": "Android",
    "fireos": "Android", "firetv": "Android", "fire": "Android", "harmonyos": "Android",
    "openharmony": "Android", "ohos": "Android",
    "macos": "Mac OS X", "macosx": "Mac OS X", "osx": "Mac OS X", "mac": "Mac OS X",
    "windows": "Windows", "windowsnt": "Windows", "win": "Windows", "win32": "Windows",
    "linux": "Linux", "ubuntu": "Linux", "chromeos": "Chrome OS", "cros": "Chrome OS",
    "roku": "Roku", "rokuos": "Roku", "tizen": "Tizen", "webos": "Web0S",
}  # fmt: skip

# Made from another system, whose version their browsers name, and numbered in their own way.
_NUMBERED_APART: Final = frozenset(
    ("fireos", "firetv", "fire", "harmonyos", "openharmony", "ohos", "visionos", "xros")
)

_SYSTEM = re.compile(
    r"([A-Za-z][A-Za-z _\-]{0,30}?)[ _\-]*(?:[/(]?(\d[\d._]{0,15})(?:[ ()/;,].*)?|\(.*)?", re.ASCII
)
# A kernel's version ("Linux 5.10.157") is not the system's.
_VERSION = re.compile(
    r"(?!Linux|Darwin)\D{0,12}?(\d{1,4}(?:[._]\d{1,5}){0,3})(?:[ (/;,].*)?", re.ASCII
)
_MODEL = re.compile(r"[\w .,+()/\-]{1,64}", re.ASCII)
_APPLE = ("iphone", "ipad", "ipod")
_TABLET: Final = "tablet"
_QUOTES: Final = " \"'"  # as browsers write their client hints

# Names under which the same is sent: Adjust's and Swaarm's first.
OS_NAMES: Final = ("os_name", "os", "platform")
OS_VERSIONS: Final = ("os_version", "osv", "os_ver")
MODELS: Final = ("device_name", "device_model")
TYPES: Final = ("device_type",)
DESCRIBING: Final = frozenset({*OS_NAMES, *MODELS, *TYPES})  # without any, nothing is described
_NAMES: Final = (*OS_NAMES, *OS_VERSIONS, *MODELS, *TYPES)


def described_in(parameters: Mapping[str, str]) -> Device | None:
    """Returns the device that parameters describe; None if they name no system that is known."""
    return _described(*[parameters.get(name, "") for name in _NAMES])


# A phone says the same with each of its events.
@lru_cache(maxsize=8192)
def _described(*sent: str) -> Device | None:
    filled = {
        name: text
        for name, value in zip(_NAMES, sent, strict=True)
        if (text := _bare(value)) and (text.lower() in SYSTEMS or not is_no_id(text))
    }
    os_version, name, kind = (
        next((filled[name] for name in names if name in filled), "")
        for names in (OS_VERSIONS, MODELS, TYPES)
    )
    model = told_model(name) if _MODEL.fullmatch(name) else ""
    if not model.lower().startswith(_APPLE) and kind.lower().startswith(_APPLE):
        model = kind  # a device_name may be what its owner called it; the type says what it is
    model = model or (kind if kind.lower() == _TABLET else "")
    named = [found for name in OS_NAMES if (found := _SYSTEM.fullmatch(filled.get(name, "")))]
    letters = [("".join(filter(str.isalpha, found[1].lower())), found[2]) for found in named]
    known = next(((each, number) for each, number in letters if each in SYSTEMS), None)
    if known is None and model.lower().startswith(_APPLE):
        known = "ios", None
    if known is None:
        return None
    system = SYSTEMS[known[0]]
    if known[0] in _NUMBERED_APART:
        return Device(family=model, os=system)
    numbered = _VERSION.fullmatch(os_version)
    version = short_version((numbered[1] if numbered else known[1]) or "")
    version = android_version(version) if system == "Android" else version
    return Device(family=model, os=system, os_version=version)


def _bare(value: str) -> str:
    text = trimmed(unquote(value) if "%" in value else value)
    return text.strip(_QUOTES) if text[:1] in _QUOTES else text


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
