"""Handles calls about tracking links."""

from dataclasses import dataclass

from console.apps.apps import App
from console.apps.links import Link, create_link, list_links, tracking_url
from console.web.api.api_call import ApiCall


@dataclass(frozen=True)
class LinkWithUrl:
    """A link and its `tracking_url`, which is handed to the partner."""

    link: Link
    tracking_url: str


def list_all(call: ApiCall, app: App) -> list[LinkWithUrl]:
    return [_with_url(call, link) for link in list_links(call.connection, app)]


def create(call: ApiCall, app: App) -> LinkWithUrl:
    return _with_url(call, create_link(call.resources, call.actor, app, call.body))


def _with_url(call: ApiCall, link: Link) -> LinkWithUrl:
    return LinkWithUrl(link, tracking_url(call.settings.ingest_url, link))
