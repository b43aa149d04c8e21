"""Names what a callback can be about, and derives the id under which it is told."""

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


LEVELS = {
    "install": (Activity.INSTALL, Activity.REATTRIBUTION),
    "event": (Activity.EVENT,),
    "both": (Activity.INSTALL, Activity.REATTRIBUTION, Activity.EVENT),
    # Of an updated attribution only the app itself hears: it names both sources.
    "all": (
        *(Activity.INSTALL, Activity.REATTRIBUTION, Activity.EVENT, Activity.SESSION),
        *(Activity.CLICK, Activity.IMPRESSION),
        *(Activity.REJECTED_INSTALL, Activity.REJECTED_REATTRIBUTION),
    ),
}


def callback_id(
    place: tuple[int, str], user_id: str, activity: str, cause: str, endpoint_id: int
) -> UUID:
    """Derives the id of a callback from what it is about: always and everywhere the same.

    `place` is the app and the environment. `cause` tells one activity of a user from another.
    """
    parts = (str(place[0]), place[1], user_id, activity, cause, str(endpoint_id))
    content = "".join(f"{len(part)}:{part}" for part in parts)
    return UUID(bytes=sha256(content.encode(errors="surrogatepass")).digest()[:16], version=5)
