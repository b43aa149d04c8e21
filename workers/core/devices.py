"""Describes the device of a user agent, and whether it can identify a visitor.

A crawler is nobody's phone: taken as evidence, it would credit one partner's click with strangers.
"""

import msgspec


class Device(msgspec.Struct, frozen=True):
    """A device as its user agent describes it; "" stands for what is unknown.

    Two devices match when family, system and version are equal and can tell people apart at all:
    family and system are known, and it is not a bot. A version that only one side knows is a
    difference; one that neither knows is not. So matching is plain equality: an index can look it
    up, and a device without a version never becomes a bridge between two different devices.
    """

    family: str
    os: str
    os_version: str = ""
    is_bot: bool = False

    @property
    def tells_people_apart(self) -> bool:
        """Tells whether the device is specific enough to distinguish one visitor from another."""
        return bool(self.family and self.os) and not self.is_bot
