"""The device as Adjust's senders describe it, in the words in which a browser on it would.

They send `os_name`, `os_version`, `device_name` and `device_type` rather than a user agent. A click
comes from a browser, and the two have to match to be of one device; so the description is put into
the form that the parser of user agents reads. Source: Adjust's S2S developer guide, which wants
these parameters for probabilistic attribution.
"""

import re
from collections.abc import Mapping

_VERSION = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,3}", re.ASCII)
_MODEL = re.compile(r"[A-Za-z0-9 ._+\-]{1,64}", re.ASCII)
_APPLE = ("iPhone", "iPad", "iPod")


def described_device(told: Mapping[str, str]) -> str | None:
    """A user agent of this device; None where its parameters do not tell enough."""
    version = told.get("os_version", "").strip()
    if not _VERSION.fullmatch(version):
        return None
    match told.get("os_name", "").strip().lower():
        case "ios":
            return _apple(told, version)
        case "android":
            return _android(told, version)
        case _:
            return None


def _apple(told: Mapping[str, str], version: str) -> str | None:
    names = (told.get("device_type", ""), told.get("device_name", ""))
    family = next((family for family in _APPLE for name in names if name.startswith(family)), None)
    if family is None:
        return None
    underlined = (version if "." in version else f"{version}.0").replace(".", "_")
    system = "CPU OS" if family == "iPad" else "CPU iPhone OS"
    return f"Mozilla/5.0 ({family}; {system} {underlined} like Mac OS X)"


def _android(told: Mapping[str, str], version: str) -> str | None:
    model = told.get("device_name", "").strip()
    return f"Mozilla/5.0 (Linux; Android {version}; {model})" if _MODEL.fullmatch(model) else None
