"""Determines the origin of a click, including clicks that used none of our links.

Self-attributing networks and tagged campaigns do not use partner links: their clicks arrive on the
landing page with the network's own click id or with campaign fields, and are credited to those.
"""

from collections.abc import Mapping

from shared.events import Event
from shared.names.reserved_names import visible_name
from shared.placeholders import is_placeholder
from workers.core.history import Origin, OriginKind

NETWORKS = {"gclid": "google", "fbclid": "facebook", "ttclid": "tiktok"}

# Broad before narrow: a campaign is one source, whichever of its ads was clicked.
CAMPAIGN_FIELDS = ("campaign_id", "campaign", "adset_id", "adset", "ad_id", "ad", "term")


def origin_of_event(click: Event) -> Origin | None:
    """Returns the origin that a received click is credited to."""
    return origin_of(None if click.link_id is None else str(click.link_id), click.parameters)


def origin_of(link_id: str | None, fields: Mapping[str, str]) -> Origin | None:
    """Returns the origin that a click is credited to: its link, else its source, else None.

    `fields` are the click's parameters under Swaarm's names (utm_source arrives as `site`). Of
    several sources the first is used, in this order: network, site, campaign fields. Characters
    that nobody sees do not make a name a different one.
    """
    if link_id:
        return Origin(OriginKind.LINK, link_id)
    named = {
        field: visible_name(text)
        for field, text in fields.items()
        if not is_placeholder(visible_name(text))
    }
    networks = (network for field, network in NETWORKS.items() if field in named)
    campaigns = (f"{field}:{named[field]}" for field in CAMPAIGN_FIELDS if field in named)
    name = next(networks, None) or named.get("site") or next(campaigns, None)
    return Origin(OriginKind.SOURCE, name) if name else None
