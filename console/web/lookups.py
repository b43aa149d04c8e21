"""What a path names, or a page that says there is no such thing."""

from typing import Any

from console.apps.apps import App, app_with_id
from console.apps.event_types import EventType, list_event_types
from console.resources import Resources
from console.security.token_table import Token
from console.security.tokens import list_tokens
from console.web.page_errors import NotFound
from shared.database import Connection


def with_app(connection: Connection, names: dict[str, Any]) -> tuple[dict[str, Any], App | None]:
    """`app_id` of a path's names as `app`. Raises NotFound when there is no such app."""
    if "app_id" not in names:
        return names, None
    app = app_with_id(connection, names["app_id"])
    if app is None:
        raise NotFound("There is no such app.")
    return {"app": app, **{name: value for name, value in names.items() if name != "app_id"}}, app


def token_of(resources: Resources, app: App, token_id: int) -> Token:
    """With its last use. Raises NotFound when it is none of this app's."""
    for token in list_tokens(resources, app):
        if token.id == token_id:
            return token
    raise NotFound("The app has no such token.")


def event_type_of(connection: Connection, app: App, event_type_id: int) -> EventType:
    """Raises NotFound when it is none of this app's."""
    for event_type in list_event_types(connection, app):
        if event_type.id == event_type_id:
            return event_type
    raise NotFound("The app has no such event type.")
