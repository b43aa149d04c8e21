"""Names what a callback can be about, and derives the id under which it is told."""

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
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

# Of a UUID the variant (RFC 9562) is in the upper two bits of its seventeenth digit.
_VARIANTS = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}

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
    return UUID(callback_id_text(place, user_id, activity, cause, endpoint_id))


def callback_id_text(
    place: tuple[int, str], user_id: str, activity: str, cause: str, endpoint_id: int
) -> str:
    """Returns the same id as text, for many: one is derived for each event while events wait."""
    content = (
        f"{_place_part(place)}{len(user_id)}:{user_id}"
        f"{len(activity)}:{activity}{len(cause)}:{cause}{_endpoint_part(endpoint_id)}"
    )
    drawn = sha256(content.encode(errors="surrogatepass")).hexdigest()
    variant = _VARIANTS[drawn[16]]
    return f"{drawn[:8]}-{drawn[8:12]}-5{drawn[13:16]}-{variant}{drawn[17:20]}-{drawn[20:32]}"


@lru_cache(maxsize=1_024)
def _place_part(place: tuple[int, str]) -> str:
    number, environment = str(place[0]), place[1]
    return f"{len(number)}:{number}{len(environment)}:{environment}"


@lru_cache(maxsize=1_024)
def _endpoint_part(endpoint_id: int) -> str:
    return f"{len(str(endpoint_id))}:{endpoint_id}"
