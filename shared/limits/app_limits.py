"""Declares the limits of an app: how much it, a token, a link or an address may send.

0 is no limit. Only traffic without a token is limited unless an app sets more, because it is the
traffic that anybody can cause.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

LIMIT_MAX = 10**15


class AppLimits(msgspec.Struct, frozen=True, array_like=True):
    """The limits of one app. A field is only ever added at the end, with a default.

    Those without a prefix are for all traffic of the app. `open` is traffic without a valid token,
    such as clicks on links, and `address` is that of one IP address.
    """

    requests_per_second_max: int = 0
    bytes_per_second_max: int = 0
    bytes_per_day_max: int = 0
    token_requests_per_second_max: int = 0
    token_bytes_per_second_max: int = 0
    link_requests_per_second_max: int = 0
    link_bytes_per_second_max: int = 0
    open_requests_per_second_max: int = 2_000
    open_bytes_per_second_max: int = 4_000_000
    open_bytes_per_day_max: int = 50_000_000_000
    address_requests_per_second_max: int = 1_000
    address_bytes_per_second_max: int = 2_000_000
    queued_events_max: int = 0


DEFAULT_LIMITS = AppLimits()


def stored_limits(own: Mapping[str, int]) -> AppLimits:
    """Returns the limits of an app, of which `own` differ from the defaults.

    Names of a later version are left out.
    """
    known = {name: value for name, value in own.items() if name in AppLimits.__struct_fields__}
    return AppLimits(**known)


@dataclass(frozen=True)
class LimitDeclaration:
    """A limit as people set it. `name` is its field; `option` is that of the command line."""

    name: str
    help: str

    @property
    def option(self) -> str:
        return self.name.replace("_", "-")

    @property
    def label(self) -> str:
        """Returns the label for a form, which shows the unit elsewhere."""
        words = self.name.removesuffix("_max").replace("_", " ")
        return words.replace(" per second", "").replace(" per day", "").capitalize()

    @property
    def unit(self) -> str:
        if self.name == "queued_events_max":
            return "at a time"
        return "per day" if "_per_day_" in self.name else "per second"

    @property
    def default(self) -> int:
        return int(getattr(DEFAULT_LIMITS, self.name))


_SUBJECTS = {
    "": "of the app",
    "token_": "of each token",
    "link_": "of each link",
    "open_": "without a valid token, clicks on links included",
    "address_": "without a valid token, from each IP address",
}
_MEASURES = {
    "requests_per_second_max": "Requests per second",
    "bytes_per_second_max": "Bytes per second, of addresses and bodies,",
    "bytes_per_day_max": "Bytes per UTC day",
    "queued_events_max": "Events queued, which no worker has stored yet,",
}

LIMITS = tuple(
    LimitDeclaration(name, f"{_MEASURES[measure]} {subject}.")
    for name in AppLimits.__struct_fields__
    for prefix, subject in _SUBJECTS.items()
    for measure in _MEASURES
    if name == prefix + measure
)
