"""Reads the device of a call: by the table of forms, and by ua-parser's rules for all others.

It is read once, when the fact is recorded: a stored device does not change when the rules do.
"""

from collections.abc import Mapping
from functools import lru_cache

from ua_parser import parse

from shared.events import Event
from workers.core.agent_reader import described_by
from workers.core.device_descriptions import DESCRIBING, completed, described_in
from workers.core.devices import Device

UNKNOWN = Device("", "")
_BOT_FAMILY = "Spider"


# To read one takes 80 us; few user agents send most of the traffic, and a cached entry is well
# under a kilobyte.
@lru_cache(maxsize=8192)
def device_of(user_agent: str | None) -> Device:
    """Returns model, system and its version up to the minor number; "" for what is unknown."""
    if not user_agent:
        return UNKNOWN
    parsed = parse(user_agent)
    family = parsed.device.family if parsed.device else ""
    is_bot = family == _BOT_FAMILY
    known = described_by(user_agent)
    if known is not None:
        return Device(known.family, known.os, known.os_version, is_bot)
    if parsed.os is None:
        return Device(family, "", is_bot=is_bot)
    version = ".".join(part for part in (parsed.os.major, parsed.os.minor) if part)
    return Device(family, parsed.os.family, version, is_bot)


def device_of_event(event: Event) -> Device:
    """Returns the device of a call: its user agent and its sender's description, taken together.

    An ingest of the version before hands over the description as a user agent as well; it counts
    where the parameters hold none.
    """
    parameters: Mapping[str, str] = event.parameters
    if event.described_device is None and DESCRIBING.isdisjoint(parameters):
        return device_of(event.user_agent)
    described = described_in(parameters)
    if described is None and event.described_device is not None:
        described = device_of(event.described_device)
    device = device_of(event.user_agent)
    if described is None:
        return device
    return completed(described, device if device.os or device.is_bot else None) or UNKNOWN
