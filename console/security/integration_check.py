"""The integration check: how an app's last requests fared, and whether it is ready to enforce.

For a developer who runs their tests and wants to see green, or what to mend; and for whoever is
about to switch enforcement on. Only requests in the Adjust dialect can make an app not ready:
Swaarm's always need their token, enforcement or not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from console.apps.apps import App
from console.apps.event_types import list_event_types
from console.resources import Resources
from console.security.check_advice import problems_of
from console.security.enforcement import ScopeProtection, read_enforcement
from console.security.token_table import Token, read_tokens
from shared.events import Environment
from shared.integration_log import CHECK_ENTRIES_MAX, IntegrationLogEntry, recent_checks
from shared.scopes import Scope
from shared.snapshot import NO_TOKEN
from shared.tokens import TokenFault

_ENFORCEABLE = "adjust"


class Verdict(StrEnum):
    """What enforcement makes of a request."""

    ACCEPTS = "accepts"
    REFUSED = "refused"
    WOULD_REFUSE = "would refuse"


class Readiness(StrEnum):
    """Whether a scope can be enforced without harm."""

    READY = "ready"  # each recent request had a valid token, and an active one covers the scope
    UNSEEN = "unseen"  # a token covers it, but nothing was sent that would show its use
    UNCOVERED = "uncovered"  # no active token covers it
    UNAUTHORIZED = "unauthorized"  # requests came that enforcement would refuse


@dataclass(frozen=True)
class CheckedRequest:
    """One request. `code` and `field` are of its refusal; `problems` what to mend about it."""

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
    """The last requests of one token, newest first. None: of no token that is known."""

    token: Token | None
    requests: tuple[CheckedRequest, ...]


@dataclass(frozen=True)
class CheckedScope:
    """`requests` that enforcement of this scope concerns, and how many of them it would refuse."""

    scope: Scope
    readiness: Readiness
    enforced: bool
    tokens: tuple[str, ...]
    requests: int
    refused: int


@dataclass(frozen=True)
class Problem:
    """What to mend, with how many recent requests show it and when the last one came."""

    what: str
    requests: int
    last_at: datetime


@dataclass(frozen=True)
class Check:
    """`green`: requests came, and nothing is to be mended about any of them.

    `ready`: every scope that requests came for is enforced, or could be.
    """

    tokens: tuple[CheckedToken, ...]
    scopes: tuple[CheckedScope, ...]
    problems: tuple[Problem, ...]
    green: bool
    ready: bool


def check(resources: Resources, app: App, since_ms: int) -> Check:
    """Of what came from `since_ms` on, Unix milliseconds, as far as it is kept."""
    connection = resources.connection
    tokens = {token.id: token for token in read_tokens(connection, app)}
    kept = recent_checks(resources.redis, app.id, (NO_TOKEN, *tokens), CHECK_ENTRIES_MAX)
    mapping_ids = frozenset(kind.mapping_id for kind in list_event_types(connection, app))
    checked = tuple(
        CheckedToken(tokens.get(number), tuple(_requests(recent, tokens.get(number), mapping_ids)))
        for number, entries in kept.items()
        if (recent := [entry for entry in entries if entry.at_ms >= since_ms])
    )
    requests = [request for each in checked for request in each.requests]
    scopes = tuple(
        _scope(protection, requests) for protection in read_enforcement(connection, app).scopes
    )
    problems = _problems(requests)
    return Check(checked, scopes, problems, bool(requests) and not problems, _is_ready(scopes))


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
            problems=tuple(problems_of(entry, name, mapping_ids)),
        )


def _verdict(entry: IntegrationLogEntry) -> Verdict:
    if entry.enforced:
        return Verdict.REFUSED
    return Verdict.ACCEPTS if entry.fault is None else Verdict.WOULD_REFUSE


def _scope(protection: ScopeProtection, requests: Sequence[CheckedRequest]) -> CheckedScope:
    concerned = [
        request
        for request in requests
        if request.scope is protection.scope and request.dialect == _ENFORCEABLE
    ]
    refused = sum(request.verdict is not Verdict.ACCEPTS for request in concerned)
    return CheckedScope(
        protection.scope,
        _readiness(is_covered=bool(protection.tokens), requests=len(concerned), refused=refused),
        protection.enforced,
        protection.tokens,
        len(concerned),
        refused,
    )


def _readiness(*, is_covered: bool, requests: int, refused: int) -> Readiness:
    if not is_covered:
        return Readiness.UNCOVERED
    if refused:
        return Readiness.UNAUTHORIZED
    return Readiness.READY if requests else Readiness.UNSEEN


def _is_ready(scopes: Sequence[CheckedScope]) -> bool:
    seen = [scope for scope in scopes if scope.requests]
    return bool(seen) and all(
        scope.enforced or scope.readiness is Readiness.READY for scope in seen
    )


def _problems(requests: Sequence[CheckedRequest]) -> tuple[Problem, ...]:
    """Those that most requests show come first."""
    times: Mapping[str, list[datetime]] = {
        what: [] for request in requests for what in request.problems
    }
    for request in requests:
        for what in request.problems:
            times[what].append(request.at)
    found = [Problem(what, len(at), max(at)) for what, at in times.items()]
    return tuple(sorted(found, key=lambda problem: (-problem.requests, problem.what)))
