"""Names what a callback can be about, and derives the id under which it is told."""

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from uuid import UUID


class Activity(StrEnum):
    """An activity that a callback tells. A partner hears of the first three and of events."""

    INSTALL = "install"
    REATTRIBUTION = "reattribution"
    ATTRIBUTION_UPDATED = "attribution_updated"
    EVENT = "event"
    SESSION = "session"
    AD_REVENUE = "ad_revenue"
    CLICK = "click"
    IMPRESSION = "impression"
    REJECTED_INSTALL = "rejected_install"
    REJECTED_REATTRIBUTION = "rejected_reattribution"
    ERASED = "erased"


REJECTIONS = (Activity.REJECTED_INSTALL, Activity.REJECTED_REATTRIBUTION)
STATUSES = ("approved", "rejected", "both")

# The places of version and variant (RFC 9562), and what they hold in version 5.
_VERSION_BITS = 0xF000 << 64 | 0xC000 << 48
_VERSION_5 = 0x5000 << 64 | 0x8000 << 48

LEVELS = {
    "install": (Activity.INSTALL, Activity.REATTRIBUTION),
    "event": (Activity.EVENT,),
    "both": (Activity.INSTALL, Activity.REATTRIBUTION, Activity.EVENT),
    # Of an updated attribution only the app itself hears: it names both sources. So it is of an
    # erasure, for which the app answers to the person.
    "all": (
        *(Activity.INSTALL, Activity.REATTRIBUTION, Activity.EVENT, Activity.SESSION),
        *(Activity.CLICK, Activity.IMPRESSION),
        *REJECTIONS,
    ),
}


def partner_activities(level: str, status: str | None) -> tuple[Activity, ...]:
    """Returns what an endpoint of this level and status hears of; empty if there is no such thing.

    Without a status it hears of rejected installs only at the level `all`.
    """
    told = LEVELS[level]
    is_of_installs = Activity.INSTALL in told
    approved = tuple(each for each in told if each not in REJECTIONS)
    rejected = REJECTIONS if is_of_installs else ()
    if status is None:
        return told
    return {"approved": approved, "rejected": rejected, "both": approved + rejected}[status]


def level_and_status(activities: Sequence[str]) -> tuple[str, str]:
    """Returns the level and the status by which a partner's endpoint hears of these."""
    told = set(activities)
    choices = [(level, status) for level in LEVELS for status in STATUSES]
    found = (each for each in choices if told and told == set(partner_activities(*each)))
    return next(found, ("both", "approved"))


def callback_id(
    place: tuple[int, str], user_id: str, activity: str, cause: str, endpoint_id: int
) -> UUID:
    """Derives the id of a callback from what it is about: always and everywhere the same.

    `place` is the app and the environment. `cause` tells one activity of a user from another.
    """
    app, environment = place
    number, endpoint = str(app), str(endpoint_id)
    # One expression and integers: a callback for each event is derived while events wait.
    content = (
        f"{len(number)}:{number}{len(environment)}:{environment}{len(user_id)}:{user_id}"
        f"{len(activity)}:{activity}{len(cause)}:{cause}{len(endpoint)}:{endpoint}"
    )
    digest = sha256(content.encode(errors="surrogatepass")).digest()
    value = int.from_bytes(digest[:16])
    return UUID(int=value & ~_VERSION_BITS | _VERSION_5)
