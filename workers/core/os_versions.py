"""Versions of operating systems, as far as two sides can compare them: to the minor number.

A version is written as it is stored: "17.4", "14" (any 14), "18.6+" (this one or a later one),
"15.6-15.8" (one of these), "safari 17.4" (of a browser on an iPad or a Mac) or "" (not told).
"""

import re
from functools import lru_cache
from typing import Final

import msgspec

_NUMBERS = re.compile(r"(\d{1,5})(?:[._](\d{1,5}))?", re.ASCII)
_ANY: Final = 10**6
SAFARI: Final = "safari "

# By the kernel's version: the first and the last of the system's that have it. Source:
# matomo-org/device-detector 3856a28, regexes/oss.yml; theapplewiki.com/wiki/Kernel.
IOS_OF_DARWIN: Final = {
    "18.0": "12.0", "18.2": "12.1", "18.5": "12.2", "18.6": "12.3-12.4", "18.7": "12.4-12.5",
    "19.0": "13.0-13.2", "19.2": "13.3", "19.3": "13.3", "19.4": "13.4", "19.5": "13.5",
    "19.6": "13.6-13.7",
    "20.0": "14.0-14.1", "20.1": "14.2", "20.2": "14.3", "20.3": "14.4", "20.4": "14.5",
    "20.5": "14.6", "20.6": "14.7-14.8",
    "21.0": "15.0", "21.1": "15.1", "21.2": "15.2", "21.3": "15.3", "21.4": "15.4",
    "21.5": "15.5", "21.6": "15.6-15.8",
    "22.0": "16.0", "22.1": "16.1", "22.2": "16.2", "22.3": "16.3", "22.4": "16.4",
    "22.5": "16.5", "22.6": "16.6-16.7",
    "23.0": "17.0", "23.1": "17.1", "23.2": "17.2", "23.3": "17.3", "23.4": "17.4",
    "23.5": "17.5", "23.6": "17.6-17.7",
    "24.0": "18.0", "24.1": "18.1", "24.2": "18.2", "24.3": "18.3", "24.4": "18.4",
    "24.5": "18.5", "24.6": "18.6-18.7",
    "25.0": "26.0", "25.1": "26.1", "25.2": "26.2", "25.3": "26.3", "25.4": "26.4",
    "25.5": "26.5", "25.6": "26.6",
}  # fmt: skip

# Some give the level of Android's API for its version. Source: developer.android.com, "API Levels".
ANDROID_OF_API: Final = {
    "21": "5.0", "22": "5.1", "23": "6", "24": "7.0", "25": "7.1", "26": "8.0", "27": "8.1",
    "28": "9", "29": "10", "30": "11", "31": "12", "32": "12", "33": "13", "34": "14", "35": "15",
    "36": "16", "37": "17",
}  # fmt: skip
_API_MIN: Final = 21  # a higher number is none of Android's own


class VersionRange(msgspec.Struct, frozen=True):
    """The versions that one may be. `is_open`: it is that one or any later one."""

    first: tuple[int, int]
    last: tuple[int, int]
    is_open: bool = False

    def overlaps(self, other: "VersionRange") -> bool:
        return self.first <= other.last and other.first <= self.last


@lru_cache(maxsize=1024)
def version_range(text: str) -> VersionRange | None:
    """Returns the versions that a stored text stands for; None if it tells nothing."""
    bare = text.removeprefix(SAFARI)
    first, _, last = bare.removesuffix("+").partition("-")
    low, high = _numbers(first), _numbers(last or first)
    if low is None or high is None:
        return None
    if bare.endswith("+"):
        return VersionRange((low[0], low[1] or 0), (_ANY, _ANY), is_open=True)
    return VersionRange((low[0], low[1] or 0), (high[0], _ANY if high[1] is None else high[1]))


def short_version(text: str) -> str:
    """Returns major and minor number with a point; "" for what is no version."""
    numbers = _numbers(text.strip())
    if numbers is None:
        return ""
    major, minor = numbers
    return str(major) if minor is None else f"{major}.{minor}"


def android_version(text: str) -> str:
    """Returns a version of Android, for which some give the level of its API; "" if unknown."""
    major = text.partition(".")[0]
    is_level = major.isdecimal() and int(major) >= _API_MIN
    return ANDROID_OF_API.get(major, "") if is_level else text


def _numbers(text: str) -> tuple[int, int | None] | None:
    match = _NUMBERS.match(text)
    if match is None:
        return None
    major, minor = match.groups()
    return int(major), None if minor is None else int(minor)
