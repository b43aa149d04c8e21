"""A visit: one request by one person, as the handlers of pages see it.

A visitor is who comes and what they ask for: all of a visit that needs no PostgreSQL.
"""

import hmac
from dataclasses import dataclass, field
from hashlib import sha256

from console.accounts.people import Person
from console.actor import Actor
from console.pipeline.health import InboxWatch
from console.resources import Resources
from console.web.page_errors import BadRequest
from console.web.rq import RqDashboard
from console.web.values import NOTHING, Values
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import Environment
from shared.redis import Redis
from shared.settings import Settings


@dataclass(frozen=True)
class Services:
    """What the console's process holds for all visits."""

    settings: Settings
    pool: Pool
    redis: Redis
    rq: RqDashboard
    clock: Clock
    watch: InboxWatch = field(default_factory=InboxWatch)


@dataclass(frozen=True, kw_only=True)
class PageContext:
    """`secret` is what the browser's cookie holds: signed in with it is `person`, if anybody.

    `said` is what the last change has to say, `fault` why the form is shown again.
    """

    services: Services
    path: str
    query: Values
    address: str
    secret: str = field(repr=False)
    person: Person | None = None
    form: Values = NOTHING
    said: str = ""
    fault: str = ""

    @property
    def me(self) -> Person:
        """Who is signed in, on a page that only they are let into."""
        assert self.person is not None
        return self.person

    @property
    def actor(self) -> Actor:
        """As whom this person changes things."""
        return self.me.actor

    @property
    def may_change(self) -> bool:
        return self.person is not None and self.person.is_admin

    @property
    def environment(self) -> Environment:
        """Which one the page is to show. Raises BadRequest when it is none."""
        try:
            return Environment(self.query.get("environment", Environment.PRODUCTION))
        except ValueError:
            raise BadRequest("environment is production or sandbox.") from None

    @property
    def csrf(self) -> str:
        """Stands in every form: only who can read this session's pages knows it."""
        return csrf_token(self.services.settings.secret_key, self.secret)


@dataclass(frozen=True, kw_only=True)
class PageRequest(PageContext):
    """With a connection to PostgreSQL, borrowed until the page is made."""

    connection: Connection

    @property
    def resources(self) -> Resources:
        return Resources(self.connection, self.services.redis, self.services.settings.secret_key)


def csrf_token(secret_key: bytes, secret: str) -> str:
    return hmac.digest(secret_key, b"console form " + secret.encode(), sha256).hex()
