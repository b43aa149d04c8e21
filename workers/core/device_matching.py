"""Compares a click's device with a user's by what both sides can know, to tell if they can be one.

The platform always; the version of the system where neither side withholds or freezes it; the model
where both name one. What only one side knows neither proves nor refutes anything.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from shared.vocabulary import Certainty
from workers.core.device_models import is_iphone, is_tablet, same_model
from workers.core.devices import Device
from workers.core.os_versions import SAFARI, VersionRange, version_range

# Systems whose devices may say that they are of another one: an iPad's browser that it is a Mac's,
# an Android tablet's that it is one of Linux. Clicks are looked up by this; an index repeats it.
PLATFORMS: Final = {"Mac OS X": "iOS", "Linux": "Android"}


class DeviceVerdict(StrEnum):
    SAME = "same"
    CANNOT_TELL = "cannot_tell"
    DIFFERENT = "different"


class Aspect(StrEnum):
    """The outcome of one thing that was compared."""

    SAME = "same"
    UNKNOWN = "unknown"
    DIFFERENT = "different"


_ASPECTS: Final = {None: Aspect.UNKNOWN, True: Aspect.SAME, False: Aspect.DIFFERENT}


class DeviceComparison(msgspec.Struct, frozen=True):
    """The result of a comparison of two devices."""

    platform: Aspect
    version: Aspect = Aspect.UNKNOWN
    model: Aspect = Aspect.UNKNOWN

    @property
    def verdict(self) -> DeviceVerdict:
        aspects = (self.platform, self.version, self.model)
        if Aspect.DIFFERENT in aspects:
            return DeviceVerdict.DIFFERENT
        is_proven = self.platform is Aspect.SAME and Aspect.SAME in aspects[1:]
        return DeviceVerdict.SAME if is_proven else DeviceVerdict.CANNOT_TELL

    @property
    def certainty(self) -> Certainty | None:
        """Returns None for devices that are different."""
        if self.verdict is DeviceVerdict.DIFFERENT:
            return None
        if self.verdict is DeviceVerdict.CANNOT_TELL:
            return Certainty.LOW
        return Certainty.HIGH if self.model is Aspect.SAME else Certainty.MEDIUM

    @property
    def reason(self) -> str:
        """Says what was compared, as it is stored: "platform same, version unknown, model same"."""
        return f"platform {self.platform}, version {self.version}, model {self.model}"


# Few pairs make up most comparisons; a pair is compared in 4 us, and looked up in 0.5.
@lru_cache(maxsize=16_384)
def compare(one: Device, other: Device) -> DeviceComparison:
    """Compares two devices, in either order. A bot, or one of no platform, is nobody's."""
    if one.is_bot or other.is_bot or not one.os or not other.os:
        return DeviceComparison(Aspect.DIFFERENT)
    systems = _systems(one, other)
    if systems is Aspect.DIFFERENT:
        return DeviceComparison(systems)
    is_same_model = same_model(one.family, other.family) if one.os == other.os else None
    model = _ASPECTS[is_same_model]
    return DeviceComparison(systems, _versions(one, other), model)


def platform(os: str) -> str:
    """Returns the platform under which devices of a system are looked up."""
    return PLATFORMS.get(os, os)


def _systems(one: Device, other: Device) -> Aspect:
    if one.os == other.os:
        return Aspect.SAME
    systems = {one.os: one, other.os: other}
    if systems.keys() == {"iOS", "Mac OS X"}:
        # An iPad's browser says Macintosh; an iPhone's does not.
        is_other_phone = is_iphone(systems["iOS"].family)
        return Aspect.DIFFERENT if is_other_phone else Aspect.UNKNOWN
    if systems.keys() == {"Android", "Linux"}:
        return Aspect.UNKNOWN if is_tablet(systems["Android"].family) else Aspect.DIFFERENT
    return Aspect.DIFFERENT


def _versions(one: Device, other: Device) -> Aspect:
    # Safari on an iPad says that it is a Mac's, but has iPadOS's number. macOS has another one.
    safaris = [device.os_version.startswith(SAFARI) for device in (one, other)]
    is_comparable = any(safaris) if one.os != other.os else all(safaris) or not any(safaris)
    if not is_comparable:
        return Aspect.UNKNOWN
    first, second = _range(one), _range(other)
    if first is None or second is None:
        return Aspect.UNKNOWN
    if not first.overlaps(second):
        return Aspect.DIFFERENT
    return Aspect.UNKNOWN if first.is_open or second.is_open else Aspect.SAME


def _range(device: Device) -> VersionRange | None:
    is_safari = device.os_version.startswith(SAFARI)
    # Rows from before the forms were told apart: Chrome's reduced agent, and a Mac's frozen 10.15.
    was_reduced = device.os == "Android" and device.family == "K"
    if device.os in {"Windows", "Chrome OS"} or was_reduced:
        return None
    if device.os == "Mac OS X" and not is_safari and device.os_version.startswith("10"):
        return None
    return version_range(device.os_version)
