"""Defines a call of the API and the endpoint that handles it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from console.actor import Actor, Reach, Role
from console.resources import Resources
from console.web.page_errors import BadRequest
from console.web.route import Access
from console.web.values import Values
from shared.database import Connection
from shared.events import Environment
from shared.settings import Settings

APP = "/apps/{app_id:int}"  # the path of an app
COUNT_MAX = 1_000
_COUNT = 100
_DIGITS_READ = 9  # more make a number that is too large by any count


@dataclass(frozen=True)
class ApiCall:
    """A request by a program, with what its key reaches. `body` has the type of the endpoint."""

    resources: Resources
    settings: Settings
    actor: Actor
    reach: Reach
    query: Values
    body: Any

    @property
    def connection(self) -> Connection:
        return self.resources.connection

    @property
    def may_change(self) -> bool:
        """Tells whether the key may change what the path names."""
        return self.actor.role is Role.ADMIN

    @property
    def environment(self) -> Environment:
        """Returns the environment of the query, by default production. Raises BadRequest."""
        try:
            return Environment(self.query.get("environment", Environment.PRODUCTION))
        except ValueError:
            raise BadRequest("environment must be production or sandbox.") from None

    @property
    def count(self) -> int:
        """Returns the number of entries to list. Raises BadRequest."""
        text = self.query.get("count", str(_COUNT))
        if not (text.isascii() and text.isdecimal() and 1 <= int(text[:_DIGITS_READ]) <= COUNT_MAX):
            raise BadRequest(f"count must be a whole number from 1 to {COUNT_MAX}.")
        return int(text[:_DIGITS_READ])


@dataclass(frozen=True)
class ApiEndpoint:
    """A method and a path of the API, with its handler.

    `path` is in Falcon's syntax; for `app_id` the handler gets the app. GET needs a key of any
    role, all other methods one of an admin. `query` names the allowed query parameters, `repeated`
    those that may be given several times. A body is JSON of the `body_type`, or what it is if that
    is bytes. A call that is not below an app is `for_members` if its handler leaves out what is of
    apps out of reach.
    """

    method: str
    path: str
    summary: str
    handler: Callable[..., object]
    result_type: Any
    body_type: Any = None
    query: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    status: int = 200
    for_members: bool = False

    @property
    def access(self) -> Access:
        """Returns the access that a key needs."""
        if self.for_members:
            return Access.MEMBER
        return Access.VIEWER if self.method == "GET" else Access.ADMIN
