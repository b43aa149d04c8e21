"""Admits a request to what its path names, and finds it: an app, a token, an event type.

`admit` is the one check of who reaches what. Every page and every call of the API passes it before
its handler runs, so that a new one is refused to members unless it is below an app.
"""

from dataclasses import dataclass, replace
from typing import Any

from console.actor import Actor, Reach, Role
from console.apps.apps import App, NoSuchApp, app_with_id, find_app, list_apps
from console.apps.event_types import EventType, list_event_types
from console.apps.links import Link, list_links
from console.resources import Resources
from console.security.token_table import Token
from console.security.tokens import list_tokens
from console.web.page_errors import NotFound
from console.web.route import Access
from shared.database import Connection
from shared.errors import NotAllowed


@dataclass(frozen=True)
class Admission:
    """A request that was admitted: to an app or none, with the role there.

    `params` are those of the path, with `app` instead of `app_id`. `is_bound` is true for a member.
    """

    role: Role
    app: App | None
    params: dict[str, Any]
    is_bound: bool

    def actor(self, actor: Actor) -> Actor:
        """Returns the actor in this request; that of a member may change this app alone."""
        if not self.is_bound or self.app is None:
            return actor
        return replace(actor, role=self.role, app_id=self.app.id)


def admit(
    connection: Connection, reach: Reach, access: Access, params: dict[str, Any]
) -> Admission:
    """Admits a request to what its path names.

    Raises NotFound if there is nothing that it may see, and NotAllowed if it may only see it.
    """
    app, role = None, reach.role
    if "app_id" in params:
        app = app_with_id(connection, params["app_id"])
        within = None if app is None else reach.role_in(app.id)
        if app is None or within is None:  # an app out of reach is like one that does not exist
            raise NotFound("There is no such app.")
        role = within
        params = {"app": app} | {key: value for key, value in params.items() if key != "app_id"}
    elif role is Role.MEMBER and access in {Access.VIEWER, Access.ADMIN}:
        raise NotFound
    if access is Access.ADMIN and role is not Role.ADMIN:
        raise NotAllowed
    return Admission(role, app, params, not reach.is_everywhere)


def visible_apps(connection: Connection, reach: Reach) -> list[App]:
    """Returns the apps within reach, by name."""
    return [app for app in list_apps(connection) if reach.role_in(app.id)]


def visible_names(connection: Connection, reach: Reach) -> frozenset[str] | None:
    """Returns the names of the apps within reach; None is every app, and what is of none."""
    if reach.is_everywhere:
        return None
    return frozenset(app.name for app in visible_apps(connection, reach))


def visible_app(connection: Connection, reach: Reach, reference: str) -> App:
    """Returns the app with this name or this app token. Raises OperatorError unless it is one."""
    if reach.is_everywhere:
        return find_app(connection, reference)
    for app in visible_apps(connection, reach):
        if reference in {app.name, app.app_token}:
            return app
    raise NoSuchApp


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
