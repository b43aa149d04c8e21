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


def _numbers(text: str) -> tuple[int, int | None] | None:
    match = _NUMBERS.match(text)
    if match is None:
        return None
    major, minor = match.groups()
    return int(major), None if minor is None else int(minor)
