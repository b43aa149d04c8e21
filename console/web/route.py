"""Defines a route: a method and a path, who may use it, and its handler."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from console.web.page_request import PageContext
from console.web.responses import Answer

Handler = Callable[..., Answer]


class Access(StrEnum):
    """The access that a route needs. Changes need an admin, except to one's own account.

    Below an app it is the role in this app that counts, elsewhere the role of the account. A member
    has none there, and so reaches only what says MEMBER: its handler has to leave out what is of
    apps out of reach.
    """

    ANYBODY = "anybody"
    MEMBER = "member"  # everybody who is signed in
    VIEWER = "viewer"
    ADMIN = "admin"


@dataclass(frozen=True)
class Route:
    """A page or the target of a form.

    `path` is in Falcon's syntax. The handler is called with the request and the parameters of the
    path; for `app_id` it gets the app.

    `form` is the path of the page whose form is sent here; it is shown again with the error when
    the form is refused. By default it is the page at the same path. `without_database` answers
    people who were signed in a moment ago while PostgreSQL is unavailable; without it, they get a
    page that says so. A route that `takes_content` is sent bytes in place of a form.
    """

    method: str
    path: str
    access: Access
    handler: Handler
    form: str = ""
    without_database: Callable[[PageContext], Answer] | None = None
    takes_content: bool = False


def get(
    path: str,
    handler: Handler,
    access: Access = Access.VIEWER,
    without_database: Callable[[PageContext], Answer] | None = None,
) -> Route:
    return Route("GET", path, access, handler, without_database=without_database)


def post(
    path: str,
    handler: Handler,
    access: Access = Access.ADMIN,
    form: str = "",
    *,
    takes_content: bool = False,
) -> Route:
    return Route("POST", path, access, handler, form or path, takes_content=takes_content)
