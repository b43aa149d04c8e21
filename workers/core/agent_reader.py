"""Reads the device that a user agent describes by the table of forms (`agent_table`)."""

import re
from typing import Final

from workers.core.agent_table import FORMS, AgentForm, VersionRule
from workers.core.device_models import told_model
from workers.core.devices import Device
from workers.core.os_versions import IOS_OF_DARWIN, SAFARI, android_version, short_version

_PATTERNS: Final = [(form, re.compile(form.pattern, re.ASCII)) for form in FORMS]
_CHARACTERS_MAX = 2048  # what a user agent says of its device stands at its beginning

# What apps put where browsers name the model: a language, a processor, a screen, a number.
_NO_MODEL: Final = re.compile(
    r"[a-z]{2}(?:[-_][A-Za-z]{2})?|arm(?:64|v\d).*|x86.*|[\dx.]+(?:dpi)?|[\w.]+/[\d.]+", re.ASCII
)

# iOS 26 was called 19 in its first betas, and by apps that were built before it was renamed.
_RENAMED: Final = {"19": "26"}


def described_by(user_agent: str) -> Device | None:
    """Returns the device that a user agent describes; None if it has none of the known forms."""
    found = form_of(user_agent)
    if found is None:
        return None
    form, match = found
    named = match.groupdict()
    model = named.get("model") or ""
    return Device(
        family="" if _NO_MODEL.fullmatch(model) else told_model(model),
        os=form.system,
        os_version=_version(form, named.get("version") or ""),
    )


def form_of(user_agent: str) -> tuple[AgentForm, re.Match[str]] | None:
    """Returns the first form that a user agent has, and where."""
    text = user_agent[:_CHARACTERS_MAX]
    for form, pattern in _PATTERNS:
        if match := pattern.search(text):
            return form, match
    return None


def _version(form: AgentForm, said: str) -> str:
    version = short_version(said)
    match form.version:
        case VersionRule.WITHHELD:
            return ""
        case VersionRule.AT_LEAST:
            return f"{version}+"
        case VersionRule.SAFARI:
            return SAFARI + version
        case VersionRule.KERNEL:
            return IOS_OF_DARWIN.get(version, "")
        case VersionRule.EXACT if form.system == "Android":
            return android_version(version)
    major, point, minor = version.partition(".")
    return _RENAMED.get(major, major) + point + minor  # of iOS
