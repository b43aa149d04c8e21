"""What a user agent says of a device, and when it says nothing.

A crawler is nobody's phone: taking it for evidence would credit one partner's click with strangers.
"""

import msgspec


class Device(msgspec.Struct, frozen=True):
    """What a user agent describes; "" where it does not say.

    Two devices match when they are equal in family, system and version, and can tell people apart
    at all: family and system are known, and it is not a bot. A version that only one side knows is
    a difference; one that neither knows is not. So matching is plain equality: an index can look it
    up, and a device without a version never becomes the bridge between two different ones.
    """

    family: str
    os: str
    os_version: str = ""
    is_bot: bool = False

    @property
    def tells_people_apart(self) -> bool:
        return bool(self.family and self.os) and not self.is_bot
