"""Finds what the parameters of a path name: an app, a token, an event type."""

from typing import Any

from console.apps.apps import App, app_with_id
from console.apps.event_types import EventType, list_event_types
from console.apps.links import Link, list_links
from console.resources import Resources
from console.security.token_table import Token
from console.security.tokens import list_tokens
from console.web.page_errors import NotFound
from shared.database import Connection


def resolve_app(
    connection: Connection, params: dict[str, Any]
) -> tuple[dict[str, Any], App | None]:
    """Replaces the parameter `app_id` by `app`. Raises NotFound if there is no such app."""
    if "app_id" not in params:
        return params, None
    app = app_with_id(connection, params["app_id"])
    if app is None:
        raise NotFound("There is no such app.")
    others = {name: value for name, value in params.items() if name != "app_id"}
    return {"app": app, **others}, app


def token_of(resources: Resources, app: App, token_id: int) -> Token:
    """Returns the token with its last use. Raises NotFound if this app has no such token."""
    for token in list_tokens(resources, app):
        if token.id == token_id:
            return token
    raise NotFound("This app has no such token.")


def link_of(connection: Connection, app: App, link_id: int) -> Link:
    """Returns the link. Raises NotFound if this app has no such link."""
    for link in list_links(connection, app):
        if link.id == link_id:
            return link
    raise NotFound("This app has no such link.")


def event_type_of(connection: Connection, app: App, event_type_id: int) -> EventType:
    """Returns the event type. Raises NotFound if this app has no such event type."""
    for event_type in list_event_types(connection, app):
        if event_type.id == event_type_id:
            return event_type
    raise NotFound("This app has no such event type.")
