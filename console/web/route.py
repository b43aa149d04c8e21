"""A route: a method and a path, who is let in, and the handler behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from console.web.page_request import PageContext
from console.web.responses import Answer

Handler = Callable[..., Answer]


class Access(StrEnum):
    """Who is let in. What changes anything needs an admin, but for one's own account."""

    ANYBODY = "anybody"
    VIEWER = "viewer"
    ADMIN = "admin"


@dataclass(frozen=True)
class Route:
    """`path` as Falcon writes it. A handler takes the visit, then what the path names; where it
    names `app_id`, the handler gets the app instead.

    `form` is the path of the page whose form is sent here, which is shown again with the reason
    when it is refused; by default the page at the same path. `without_database` is what people see
    who were signed in a moment ago while PostgreSQL is away; else they are told that it is.
    """

    method: str
    path: str
    access: Access
    handler: Handler
    form: str = ""
    without_database: Callable[[PageContext], Answer] | None = None


def get(
    path: str,
    handler: Handler,
    access: Access = Access.VIEWER,
    without_database: Callable[[PageContext], Answer] | None = None,
) -> Route:
    return Route("GET", path, access, handler, without_database=without_database)


def post(path: str, handler: Handler, access: Access = Access.ADMIN, form: str = "") -> Route:
    return Route("POST", path, access, handler, form or path)
