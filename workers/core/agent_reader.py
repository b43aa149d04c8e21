"""Reads the device that a user agent describes by the table of forms (`agent_table`)."""

import re
from typing import Final

from workers.core.agent_table import FORMS, IOS_OF_DARWIN, AgentForm, VersionRule
from workers.core.device_models import told_model
from workers.core.devices import Device
from workers.core.os_versions import SAFARI, short_version

_PATTERNS: Final = [(form, re.compile(form.pattern, re.ASCII)) for form in FORMS]
_CHARACTERS_MAX = 2048  # what a user agent says of its device stands at its beginning

# iOS 26 was called 19 in its first betas, and by apps that were built before it was renamed.
_RENAMED: Final = {"19": "26"}


def described_by(user_agent: str) -> Device | None:
    """Returns the device that a user agent describes; None if it has none of the known forms."""
    found = form_of(user_agent)
    if found is None:
        return None
    form, match = found
    named = match.groupdict()
    return Device(
        family=told_model(named.get("model") or ""),
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
    if form.system == "iOS":
        major, point, minor = version.partition(".")
        return _RENAMED.get(major, major) + point + minor
    return version
