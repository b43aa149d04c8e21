"""Tracking links."""

from dataclasses import dataclass

from console.apps.apps import App
from console.apps.links import Link, create_link, list_links, tracking_url
from console.web.api.api_call import Call


@dataclass(frozen=True)
class LinkWithUrl:
    """`tracking_url` is what the partner is given."""

    link: Link
    tracking_url: str


def list_all(call: Call, app: App) -> list[LinkWithUrl]:
    return [_with_url(call, link) for link in list_links(call.connection, app)]


def create(call: Call, app: App) -> LinkWithUrl:
    return _with_url(call, create_link(call.installation, call.actor, app, call.body))


def _with_url(call: Call, link: Link) -> LinkWithUrl:
    return LinkWithUrl(link, tracking_url(call.settings.ingest_url, link))
