"""Handles calls about tracking links."""

from dataclasses import dataclass

import msgspec

from console.apps.apps import App
from console.apps.links import (
    Link,
    NewLink,
    create_link,
    list_links,
    set_view_through,
    tracking_url,
)
from console.apps.postback_names import set_postback_names
from console.lookup.link_day import LinkDay, day_or_today, read_link_day
from console.web.api.api_call import APP, ApiCall, ApiEndpoint
from console.web.lookups import link_of


@dataclass(frozen=True)
class LinkWithUrl:
    """A link, its `tracking_url` and its `impression_url`, which are handed to the partner."""

    link: Link
    tracking_url: str
    impression_url: str


@dataclass(frozen=True)
class PostbackNames:
    """The names of fields in the postbacks of a link's network, by field.

    The fields are click_id, amount, currency, status, transaction_id and event_id; one that is left
    out has its usual names.
    """

    names: dict[str, str]


def list_all(call: ApiCall, app: App) -> list[LinkWithUrl]:
    return [_with_url(call, link) for link in list_links(call.connection, app)]


def create(call: ApiCall, app: App) -> LinkWithUrl:
    return _with_url(call, create_link(call.resources, call.actor, app, call.body))


class ChangedLink(msgspec.Struct, forbid_unknown_fields=True):
    """A choice whether impressions of a link may be credited, by decisions from now on."""

    view_through: bool


def change(call: ApiCall, app: App, link_id: int) -> LinkWithUrl:
    link = link_of(call.connection, app, link_id)
    wanted = call.body.view_through
    return _with_url(call, set_view_through(call.connection, call.actor, app, link, wanted))


def count_day(call: ApiCall, app: App, link_id: int) -> LinkDay:
    """Counts the day of the query, by default today."""
    day = day_or_today(app, call.query.get("day"))
    link = link_of(call.connection, app, link_id)
    return read_link_day(call.connection, app, call.environment, link, day)


def set_names(call: ApiCall, app: App, link_id: int) -> LinkWithUrl:
    link = set_postback_names(call.resources, call.actor, app, link_id, call.body.names)
    return _with_url(call, link)


def _with_url(call: ApiCall, link: Link) -> LinkWithUrl:
    base = call.settings.ingest_url
    return LinkWithUrl(link, tracking_url(base, link), tracking_url(base, link, "/impression"))


LINK_ENDPOINTS = (
    ApiEndpoint(
        "GET", f"{APP}/links", "List an app's tracking links.", list_all, list[LinkWithUrl]
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/links/{{link_id:int}}/day",
        "Count a link's day, and what its organic installs lacked to be credited to it.",
        count_day,
        LinkDay,
        query=("environment", "day"),
    ),
    ApiEndpoint(
        "POST",
        f"{APP}/links",
        "Create a tracking link, and its partner if it does not exist.",
        create,
        LinkWithUrl,
        NewLink,
        status=201,
    ),
    ApiEndpoint(
        "PATCH",
        f"{APP}/links/{{link_id:int}}",
        "Let impressions of a link be credited or not.",
        change,
        LinkWithUrl,
        ChangedLink,
    ),
    ApiEndpoint(
        "PUT",
        f"{APP}/links/{{link_id:int}}/postback-names",
        "Replace the names of fields in the postbacks of a link's network.",
        set_names,
        LinkWithUrl,
        PostbackNames,
    ),
)
