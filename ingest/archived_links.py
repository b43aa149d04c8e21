"""Refuses the clicks of archived links; whoever follows one is redirected all the same."""

from shared.errors import RequestError
from shared.events import CLICK_KINDS, Kind
from shared.snapshot import KnownLink


class ArchivedLink(RequestError):
    """A click or impression of a link that is archived, or whose partner or app is."""

    code = "archived_link"

    def __init__(self) -> None:
        super().__init__(
            "This link is archived, so its clicks are not stored. Restore it on its page or with "
            "`waybill link restore`, or use another link."
        )


def require_link_in_use(link: KnownLink | None, kind: Kind) -> None:
    """Raises ArchivedLink, but not for what networks report of earlier clicks."""
    is_archived = link is not None and link.is_archived
    if is_archived and kind in CLICK_KINDS:
        raise ArchivedLink
