"""Who sent a click that came through no link of ours.

Self-attributing networks and tagged campaigns do not use partner links: their clicks arrive on the
landing page with the network's own click id or with campaign fields, and are credited to those.
"""

from collections.abc import Mapping

from shared.placeholders import is_placeholder
from workers.core.history import Origin, OriginKind

NETWORKS = {"gclid": "google", "fbclid": "facebook", "ttclid": "tiktok"}

# Broad before narrow: one campaign is one source, whichever of its ads was clicked.
CAMPAIGN_FIELDS = ("campaign_id", "campaign", "adset_id", "adset", "ad_id", "ad", "term")


def origin_of(link_id: str | None, fields: Mapping[str, str]) -> Origin | None:
    """Whom a click is credited to: its link, else the source that it names, else nobody.

    `fields` are the click's parameters under Swaarm's names (utm_source comes as `site`). A click
    that names several takes the first of: its network, its site, its campaign fields.
    """
    if link_id:
        return Origin(OriginKind.LINK, link_id)
    named = {field: text.strip() for field, text in fields.items() if not is_placeholder(text)}
    name = _network(named) or named.get("site") or _campaign(named)
    return Origin(OriginKind.SOURCE, name) if name else None


def _network(named: Mapping[str, str]) -> str | None:
    return next((network for field, network in NETWORKS.items() if field in named), None)


def _campaign(named: Mapping[str, str]) -> str | None:
    return next((f"{field}:{named[field]}" for field in CAMPAIGN_FIELDS if field in named), None)
