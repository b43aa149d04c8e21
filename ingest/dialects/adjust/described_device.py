"""Turns the device description of Adjust's senders into the user agent of a browser on that device.

They send `os_name`, `os_version`, `device_name` and `device_type` rather than a user agent. A click
comes from a browser, and the two have to match to be of one device; so the description is put into
the form that the user agent parser reads. Source: Adjust's S2S developer guide, which wants these
parameters for probabilistic attribution.
"""

import re
from collections.abc import Mapping

from shared.names.invisible import trimmed

_VERSION = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,3}", re.ASCII)
_MODEL = re.compile(r"[A-Za-z0-9 ._+\-]{1,64}", re.ASCII)
_APPLE = ("iPhone", "iPad", "iPod")


def browser_user_agent(parameters: Mapping[str, str]) -> str | None:
    """Returns a user agent of this device; None where its parameters do not say enough."""
    version = trimmed(parameters.get("os_version", ""))
    if not _VERSION.fullmatch(version):
        return None
    name = parameters.get("device_name", "")
    match trimmed(parameters.get("os_name", "")).lower():
        case "ios":
            names = (parameters.get("device_type", ""), name)
            for family in _APPLE:
                if any(name.startswith(family) for name in names):
                    underlined = (version if "." in version else f"{version}.0").replace(".", "_")
                    system = "CPU OS" if family == "iPad" else "CPU iPhone OS"
                    return f"Mozilla/5.0 ({family}; {system} {underlined} like Mac OS X)"
        case "android":
            model = trimmed(name)
            if _MODEL.fullmatch(model):
                return f"Mozilla/5.0 (Linux; Android {version}; {model})"
    return None
