"""Handles calls about tracking links."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from console.apps.apps import App
from console.apps.links import Link, NewLink, create_link, list_links, tracking_url
from console.apps.postback_names import set_postback_names
from console.lookup.link_day import LinkDay, read_link_day
from console.web.api.api_call import ApiCall, ApiEndpoint
from console.web.lookups import link_of
from console.web.page_errors import BadRequest
from shared.clock import now_ms

_APP = "/apps/{app_id:int}"


@dataclass(frozen=True)
class LinkWithUrl:
    """A link and its `tracking_url`, which is handed to the partner."""

    link: Link
    tracking_url: str


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


def count_day(call: ApiCall, app: App, link_id: int) -> LinkDay:
    """Counts the day of the query, by default today."""
    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    try:
        day = date.fromisoformat(call.query.get("day", today.isoformat()))
    except ValueError:
        raise BadRequest("day must be a date, such as 2026-11-28.") from None
    link = link_of(call.connection, app, link_id)
    return read_link_day(call.connection, app, call.environment, link, day)


def set_names(call: ApiCall, app: App, link_id: int) -> LinkWithUrl:
    link = set_postback_names(call.resources, call.actor, app, link_id, call.body.names)
    return _with_url(call, link)


def _with_url(call: ApiCall, link: Link) -> LinkWithUrl:
    return LinkWithUrl(link, tracking_url(call.settings.ingest_url, link))


LINK_ENDPOINTS = (
    ApiEndpoint(
        "GET", f"{_APP}/links", "List an app's tracking links.", list_all, list[LinkWithUrl]
    ),
    ApiEndpoint(
        "GET",
        f"{_APP}/links/{{link_id:int}}/day",
        "Count a link's day, and what its organic installs lacked to be credited to it.",
        count_day,
        LinkDay,
        query=("environment", "day"),
    ),
    ApiEndpoint(
        "POST",
        f"{_APP}/links",
        "Create a tracking link, and its partner if it does not exist.",
        create,
        LinkWithUrl,
        NewLink,
        status=201,
    ),
    ApiEndpoint(
        "PUT",
        f"{_APP}/links/{{link_id:int}}/postback-names",
        "Replace the names of fields in the postbacks of a link's network.",
        set_names,
        LinkWithUrl,
        PostbackNames,
    ),
)
