"""Parses the device of a user agent by ua-parser's rules.

It is parsed once, when the fact is recorded: a stored device does not change when the rules do.
"""

from functools import lru_cache

from ua_parser import parse

from workers.core.devices import Device

UNKNOWN = Device("", "")
_BOT_FAMILY = "Spider"


# A parse takes 50 us; few user agents send most of the traffic, and a cached entry is well under a
# kilobyte.
@lru_cache(maxsize=8192)
def device_of(user_agent: str | None) -> Device:
    """Returns family, system and its version up to the minor number; "" for what is unknown."""
    if not user_agent:
        return UNKNOWN
    parsed = parse(user_agent)
    family = parsed.device.family if parsed.device else ""
    if parsed.os is None:
        return Device(family, "", is_bot=family == _BOT_FAMILY)
    version = ".".join(part for part in (parsed.os.major, parsed.os.minor) if part)
    return Device(family, parsed.os.family, version, is_bot=family == _BOT_FAMILY)
