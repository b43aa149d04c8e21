"""What a user agent describes, by ua-parser's rules. Parsed once, when the fact is recorded: the
stored device stays what it was when the rules change.
"""

from functools import lru_cache

from ua_parser import parse

from workers.core.devices import Device

UNKNOWN = Device("", "")
_BOT_FAMILY = "Spider"


# 50 us a parse; few user agents make most of the traffic, and an entry is well under a kilobyte.
@lru_cache(maxsize=8192)
def device_of(user_agent: str | None) -> Device:
    """Family, operating system and its version as far as its minor number; "" where unknown."""
    if not user_agent:
        return UNKNOWN
    parsed = parse(user_agent)
    family = parsed.device.family if parsed.device else ""
    if parsed.os is None:
        return Device(family, "", is_bot=family == _BOT_FAMILY)
    version = ".".join(part for part in (parsed.os.major, parsed.os.minor) if part)
    return Device(family, parsed.os.family, version, is_bot=family == _BOT_FAMILY)
