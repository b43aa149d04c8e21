"""A route: a method and a path, who is let in, and the handler behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from console.web.answers import Answer

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
    when it is refused; by default the page at the same path.
    """

    method: str
    path: str
    access: Access
    handler: Handler
    form: str = ""


def get(path: str, handler: Handler, access: Access = Access.VIEWER) -> Route:
    return Route("GET", path, access, handler)


def post(path: str, handler: Handler, access: Access = Access.ADMIN, form: str = "") -> Route:
    return Route("POST", path, access, handler, form or path)
