"""Describes a page request as handlers see it, with and without a connection to PostgreSQL."""

from dataclasses import dataclass, field
from functools import cached_property

from console.accounts.access_log import STRANGER, AccessLog, AccessNote
from console.accounts.people import Person
from console.accounts.provider.provider import Provider
from console.actor import Actor, Reach, Role
from console.onboarding.sample_event import PostForm, post_form
from console.pipeline.health import InboxWatch
from console.resources import Resources, resources_of
from console.web.csrf import csrf_token
from console.web.page_errors import BadRequest
from console.web.rq_dashboard import RqDashboard
from console.web.values import NOTHING, Values
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import Environment
from shared.redis import Redis
from shared.settings import Settings
from shared.vocabulary import AccessEvent


@dataclass(frozen=True)
class Services:
    """The long-lived objects that all requests of a console process share."""

    settings: Settings
    pool: Pool
    redis: Redis
    rq: RqDashboard | None
    clock: Clock
    watch: InboxWatch = field(default_factory=InboxWatch)
    post_form: PostForm = post_form

    @cached_property
    def access(self) -> AccessLog:
        return AccessLog(self.redis)

    @cached_property
    def provider(self) -> Provider | None:
        """The identity provider by which people sign in, if there is one."""
        settings = self.settings
        if not settings.has_provider:
            return None
        return Provider(settings, f"{settings.console_url}/sign-in/provider/return", self.clock)


@dataclass(frozen=True, kw_only=True)
class PageContext:
    """The part of a request that needs no PostgreSQL: who sends it, and what it asks for.

    `secret` is the value of the session's cookie, with which `person`, if anybody, is signed in;
    `browser` is the mark of somebody's earlier sign-in, `begun` what it keeps of one by a provider.
    `remembered` is the environment that was looked at last.
    `content` is what a script sent in place of a form.
    `flash` is the message of the last change, `error` the reason why the form is shown again.
    `role` is that of the person in what the path names, which `actor` changes.
    """

    services: Services
    path: str
    query: Values
    address: str
    secret: str = field(repr=False)
    browser: str = field(default="", repr=False)
    begun: str = field(default="", repr=False)
    person: Person | None = None
    form: Values = NOTHING
    content: bytes = field(default=b"", repr=False)
    remembered: Environment = Environment.PRODUCTION
    flash: str = ""
    error: str = ""
    role: Role | None = None
    admitted: Actor | None = None

    @property
    def me(self) -> Person:
        """Returns the person who is signed in, on a page that requires it."""
        assert self.person is not None
        return self.person

    @property
    def actor(self) -> Actor:
        """Returns the actor that changes by this person are recorded under."""
        return self.admitted or self.me.actor

    @property
    def reach(self) -> Reach:
        """Returns what the person reaches, on a page that requires one."""
        return self.me.reach

    @property
    def may_change(self) -> bool:
        # Until it is known what the path names, as on a page of an error, the account's own counts.
        role = self.role or (self.person.role if self.person else None)
        return role is Role.ADMIN

    @property
    def environment(self) -> Environment:
        """Returns the environment that the page is to show, or that was shown last.

        Raises BadRequest.
        """
        try:
            return Environment(self.query.get("environment", self.remembered))
        except ValueError:
            raise BadRequest("environment must be production or sandbox.") from None

    @property
    def csrf(self) -> str:
        """Returns the token of every form, known only to those who can read the session's pages."""
        return csrf_token(self.services.settings.secret_key, self.secret)


@dataclass(frozen=True, kw_only=True)
class PageRequest(PageContext):
    """A request with a connection to PostgreSQL, borrowed until the page is rendered."""

    connection: Connection

    @property
    def resources(self) -> Resources:
        return resources_of(self.connection, self.services.redis, self.services.settings)

    def note_access(self, event: AccessEvent, actor: str = STRANGER, person_id: int = 0) -> None:
        """Records what happened at the door, with the address that it came from."""
        self.services.access.note(
            self.connection, AccessNote(event, actor, self.address, person_id)
        )
