"""A call of the API, and an endpoint that takes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from console.actor import Actor
from console.resources import Resources
from console.web.page_errors import BadRequest
from console.web.values import Values
from shared.database import Connection
from shared.events import Environment
from shared.settings import Settings

COUNT_MAX = 1_000
_COUNT = 100


@dataclass(frozen=True)
class ApiCall:
    """One request of a program. `body` is of the type that the endpoint takes."""

    resources: Resources
    settings: Settings
    actor: Actor
    query: Values
    body: Any

    @property
    def connection(self) -> Connection:
        return self.resources.connection

    @property
    def environment(self) -> Environment:
        """Raises BadRequest when the query names none."""
        try:
            return Environment(self.query.get("environment", Environment.PRODUCTION))
        except ValueError:
            raise BadRequest("environment is production or sandbox.") from None

    @property
    def count(self) -> int:
        """How many are asked for. Raises BadRequest."""
        text = self.query.get("count", str(_COUNT))
        if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= COUNT_MAX):
            raise BadRequest(f"count is a whole number from 1 to {COUNT_MAX}.")
        return int(text)


@dataclass(frozen=True)
class ApiEndpoint:
    """`path` as Falcon writes it; `app_id` in it reaches the handler as the app. GET needs a key of
    any role, the rest one of an admin. `query` names what may stand behind the question mark.
    """

    method: str
    path: str
    summary: str
    handler: Callable[..., object]
    gives: Any
    takes: Any = None
    query: tuple[str, ...] = ()
    status: int = 200
