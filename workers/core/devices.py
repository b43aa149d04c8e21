"""Defines what a device is known to be, and tells when that says nothing.

A crawler is nobody's phone: taking it for evidence would credit one partner's click with strangers.
"""

import msgspec


class Device(msgspec.Struct, frozen=True):
    """A device as its user agent or its sender describes it; "" where neither says.

    `family` is the model as it was named, `os_version` as `os_versions` writes it. Whether two
    devices can be one is asked of `device_matching`.
    """

    family: str
    os: str
    os_version: str = ""
    is_bot: bool = False

    @property
    def tells_people_apart(self) -> bool:
        """Tells whether it has a platform and is no bot, so that it can be compared."""
        return self.os not in {"", "Other"} and not self.is_bot
