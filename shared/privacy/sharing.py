"""Decides whether a partner may hear of an activity, by what the owner of a device has chosen.

Measurement goes on whatever is chosen: only what is told to third parties depends on it. Source:
Adjust, "Third-party sharing" (S2S): the specific key wins over `all`, and a false on a group stops
everything in the group.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from shared.errors import MalformedField

SHARING_DISABLED = "sharing_disabled"  # why a callback is withheld
PARTNERS_MAX = 100
_ALL = "all"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # PostgreSQL takes no NUL
_Settings = TypeVar("_Settings", bound="dict[str, dict[str, bool]] | dict[str, dict[str, str]]")

# The groups that an activity is in, from the nearest.
_GROUPS: Mapping[str, Sequence[str]] = {
    "install": ("session",),
    "rejected_install": ("install", "session"),
    "reinstall": ("session",),
    "reattribution": ("session",),
    "rejected_reattribution": ("session",),
    "reattribution_reinstall": ("session",),
}


class SharingChoice(msgspec.Struct, frozen=True):
    """The choice about third parties: by one switch, by partner and activity, and other options."""

    is_shared: bool | None = None
    partners: dict[str, dict[str, bool]] = {}
    options: dict[str, dict[str, str]] = {}


def withholds(choice: SharingChoice | None, partner: str, activity: str) -> bool:
    """Tells whether this partner must not hear of this activity, in the words of Adjust's keys."""
    if choice is None:
        return False
    if choice.is_shared is False:
        return True
    for name in (partner, _ALL):
        allowed = _allows(choice.partners.get(name, {}), activity)
        if allowed is not None:
            return not allowed
    return False


def _allows(settings: Mapping[str, bool], activity: str) -> bool | None:
    """Returns the choice of one partner about an activity, None if there is none."""
    groups = _GROUPS.get(activity, ())
    if any(settings.get(group) is False for group in groups):
        return False
    for key in (activity, *groups, _ALL):
        if key in settings:
            return settings[key]
    return None


def read_partner_settings(name: str, text: str) -> dict[str, dict[str, bool]]:
    """Reads the choices by partner and activity. Raises MalformedField."""
    return _read(name, text, dict[str, dict[str, bool]], '{"PartnerA":{"all":false,"event":true}}')


def read_partner_options(name: str, text: str) -> dict[str, dict[str, str]]:
    """Reads options of partners' own making. Raises MalformedField."""
    return _read(name, text, dict[str, dict[str, str]], '{"google_dma":{"eea":"1"}}')


def _read(name: str, text: str, form: type[_Settings], example: str) -> _Settings:
    try:
        settings = msgspec.json.decode(text, type=form)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MalformedField(name, f"must be a JSON object like {example}.") from error
    if len(settings) > PARTNERS_MAX:
        raise MalformedField(name, f"may name at most {PARTNERS_MAX} partners.")
    if any(_CONTROL.search(each) for each in _texts(settings)):
        raise MalformedField(name, "has a control character, which is part of no name.")
    return settings


def _texts(settings: Mapping[str, Mapping[str, bool] | Mapping[str, str]]) -> Iterator[str]:
    for partner, chosen in settings.items():
        yield partner
        for key, value in chosen.items():
            yield key
            if isinstance(value, str):
                yield value
