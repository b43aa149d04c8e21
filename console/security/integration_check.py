"""The integration check: the results of an app's last requests, and its readiness to enforce.

It is for a developer who runs tests and wants to see green, or what to fix, and for whoever is
about to turn enforcement on. Only requests in the Adjust dialect can make an app not ready:
Swaarm's always require their token, with enforcement or without.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from console.apps.apps import App
from console.apps.event_types import list_event_types
from console.resources import Resources
from console.security.check_advice import find_problems
from console.security.enforcement import ScopeEnforcement, read_enforcement
from console.security.faulty_files import faulty_totals
from console.security.largest_users import largest_users
from console.security.queue_totals import queue_totals
from console.security.token_table import Token, read_tokens
from console.security.unread_values import UnreadTotal, unread_totals
from console.security.wide_totals import wide_totals
from shared.events import Environment
from shared.integration_log import CHECK_ENTRIES_MAX, IntegrationLogEntry, recent_checks
from shared.scopes import Scope
from shared.snapshot import NO_TOKEN
from shared.tokens import TokenFault

_ENFORCEABLE = "adjust"


class Verdict(StrEnum):
    """The result of enforcement for a request."""

    ACCEPTS = "accepts"
    REFUSED = "refused"
    WOULD_REFUSE = "would refuse"


class Readiness(StrEnum):
    """The readiness of a scope to be enforced without refusing good senders."""

    READY = "ready"  # each recent request had a valid token, and an active one covers the scope
    UNSEEN = "unseen"  # a token covers it, but no request has shown its use
    UNCOVERED = "uncovered"  # no active token covers it
    UNAUTHORIZED = "unauthorized"  # there were requests that enforcement would refuse


@dataclass(frozen=True)
class CheckedRequest:
    """A request. `code` and `field` are of its refusal; `problems` tell what to fix."""

    at: datetime
    dialect: str
    endpoint: str
    method: str
    status: int
    code: str | None
    field: str | None
    verdict: Verdict
    fault: TokenFault | None
    scope: Scope
    event_id: str
    receipt: str | None
    environment: Environment | None
    problems: tuple[str, ...]


@dataclass(frozen=True)
class CheckedToken:
    """The last requests of one token, newest first. `token` is None for unknown tokens."""

    token: Token | None
    requests: tuple[CheckedRequest, ...]


@dataclass(frozen=True)
class CheckedScope:
    """A scope: the number of `requests` that its enforcement applies to, and of those refused."""

    scope: Scope
    readiness: Readiness
    enforced: bool
    tokens: tuple[str, ...]
    requests: int
    refused: int


@dataclass(frozen=True)
class Problem:
    """Something to fix, with the number of recent requests that show it and the last one's time.

    `since` is the first one's time, where requests are counted that are not kept one by one.
    """

    what: str
    requests: int
    last_at: datetime
    since: datetime | None = None


@dataclass(frozen=True)
class IntegrationCheck:
    """The result of the integration check.

    `green`: there were requests, and none of them has a problem. `ready`: every scope that had
    requests is enforced, or could be.
    """

    tokens: tuple[CheckedToken, ...]
    scopes: tuple[CheckedScope, ...]
    problems: tuple[Problem, ...]
    green: bool
    ready: bool


def check_integration(resources: Resources, app: App, since_ms: int) -> IntegrationCheck:
    """Checks the app's requests since `since_ms` (Unix milliseconds), as far as they are stored."""
    connection = resources.connection
    tokens = {token.id: token for token in read_tokens(connection, app)}
    log = recent_checks(resources.redis, app.id, (NO_TOKEN, *tokens), CHECK_ENTRIES_MAX)
    mapping_ids = frozenset(
        event_type.mapping_id for event_type in list_event_types(connection, app)
    )
    checked = tuple(
        CheckedToken(tokens.get(number), tuple(_requests(recent, tokens.get(number), mapping_ids)))
        for number, entries in log.items()
        if (recent := [entry for entry in entries if entry.at_ms >= since_ms])
    )
    requests = [request for group in checked for request in group.requests]
    scopes = tuple(
        _checked_scope(scope, requests) for scope in read_enforcement(connection, app).scopes
    )
    names = {number: token.name for number, token in tokens.items()}
    totals = [
        *unread_totals(resources, app, since_ms, names),
        *wide_totals(connection, app),
        *largest_users(connection, app),
        *faulty_totals(connection, app),
        *queue_totals(resources, app),
    ]
    problems = _problems(requests, totals)
    with_requests = [scope for scope in scopes if scope.requests]
    ready = bool(with_requests) and all(
        scope.enforced or scope.readiness is Readiness.READY for scope in with_requests
    )
    return IntegrationCheck(checked, scopes, problems, bool(requests) and not problems, ready)


def _requests(
    entries: Sequence[IntegrationLogEntry], token: Token | None, mapping_ids: frozenset[str]
) -> Iterator[CheckedRequest]:
    name = None if token is None else token.name
    for entry in entries:
        yield CheckedRequest(
            at=datetime.fromtimestamp(entry.at_ms / 1000, UTC),
            dialect=entry.dialect,
            endpoint=entry.endpoint,
            method=entry.method,
            status=entry.status,
            code=entry.code,
            field=entry.field,
            verdict=_verdict(entry),
            fault=entry.fault,
            scope=entry.scope,
            event_id=entry.event_id,
            receipt=entry.receipt,
            environment=entry.environment,
            problems=tuple(find_problems(entry, name, mapping_ids)),
        )


def _verdict(entry: IntegrationLogEntry) -> Verdict:
    if entry.enforced:
        return Verdict.REFUSED
    return Verdict.ACCEPTS if entry.fault is None else Verdict.WOULD_REFUSE


def _checked_scope(scope: ScopeEnforcement, requests: Sequence[CheckedRequest]) -> CheckedScope:
    concerned = [
        request
        for request in requests
        if request.scope is scope.scope and request.dialect == _ENFORCEABLE
    ]
    refused = sum(request.verdict is not Verdict.ACCEPTS for request in concerned)
    if not scope.tokens:
        readiness = Readiness.UNCOVERED
    elif refused:
        readiness = Readiness.UNAUTHORIZED
    else:
        readiness = Readiness.READY if concerned else Readiness.UNSEEN
    return CheckedScope(
        scope.scope, readiness, scope.enforced, scope.tokens, len(concerned), refused
    )


def _problems(
    requests: Sequence[CheckedRequest], totals: Iterable[UnreadTotal]
) -> tuple[Problem, ...]:
    """Returns the problems, those that most requests show first."""
    times: dict[str, list[datetime]] = {}
    for request in requests:
        for what in request.problems:
            times.setdefault(what, []).append(request.at)
    problems = [Problem(what, len(at), max(at)) for what, at in times.items()]
    problems += [Problem(each.what, each.count, each.last_at, each.since) for each in totals]
    return tuple(sorted(problems, key=lambda problem: (-problem.requests, problem.what)))
