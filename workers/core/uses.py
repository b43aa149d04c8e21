"""Tells when a click is used up: it was credited to somebody else before.

Where an app wants a click to be credited once, to the first of its users, decisions of different
users depend on one another. Those of one moment are ordered by the names of the users, so that the
order of arrival decides nothing. What a decision depends on is the click that wins and the clicks
before it that were used up: of no other does it matter whether somebody has it.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec


class ClickUse(msgspec.Struct, frozen=True):
    """A click that a user's decision at a moment depends on, credited by it or not."""

    click_id: str
    time_ms: int
    is_credited: bool


class Credit(NamedTuple):
    """The moment at which a user was credited with a click, in the order in which moments count."""

    time_ms: int
    user_id: str


def used_up_from_ms(others: Iterable[Credit], user_id: str) -> int | None:
    """Returns from when on a click is used up for a user, given what others were credited with it.

    None if nobody was.
    """
    return min(
        (credit.time_ms + (credit.user_id > user_id) for credit in others),
        default=None,
    )
