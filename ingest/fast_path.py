"""Reads the usual request in one pass: plain values, a sender who is known, and nothing unusual.

Whatever is unusual in any way is read by the endpoint, which can read everything. Both read the
same event, which a property test proves. Senders that were authenticated are remembered: the HMAC
of a token and what is built from it took a tenth of ingest's CPU.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import msgspec
from falcon.asgi import Request

from ingest.authentication import Authenticator, Principal, credentials_of
from ingest.client import PREFETCH_HEADERS, UNKNOWN_CLIENT, client_of
from ingest.credential_store import AppKey, CredentialStore, Key, TokenKey
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.forgotten_devices import ForgottenDevices
from ingest.parameters import PlainParameters, plain_values
from ingest.rate_limits.limiter import RateLimiter
from ingest.request_log.journal import RequestState
from shared.clock import Clock
from shared.errors import RequestError, WaybillError
from shared.events import Kind
from shared.ids import new_receipt
from shared.scopes import scope_of
from shared.snapshot import LinkKey, Snapshot

PRINCIPALS_MAX = 10_000  # of one process; beyond it all are forgotten
# Headers that change what a request means: a key, a body.
_AUTHORIZATION = b"authorization"
_BODY_HEADERS = (b"content-length", b"transfer-encoding")
_UNUSUAL_HEADERS = frozenset({b"idempotency-key", *_BODY_HEADERS})
_SHOWN_MAX = 1_024  # characters of what is remembered, which may be padded
_TOKEN_KINDS = (Kind.EVENT, Kind.OPEN)  # what a token has to be granted in Swaarm's dialect

# What ends the value of a link's name beside an ampersand (`sent_pairs.link_query`).
_SEPARATED = re.compile(rb"[?;#]|%3[Ff]")


class GrantedPrincipal(NamedTuple):
    """The principal of a request, and the keys that confirm it, by the kind of event.

    `is_limited` tells whether any limit of its app concerns it.
    """

    principal: Principal
    keys: Mapping[Kind, Key]
    is_limited: bool


class GrantedPrincipals:
    """The senders that the snapshot grants everything that the fast path reads.

    A token that may expire, that lacks a scope or that is not the app's, and a link that is
    archived are none of them. With another snapshot all are forgotten, so that who was revoked is
    not found; and the flush confirms each key.
    """

    def __init__(
        self, credential_store: CredentialStore, authenticator: Authenticator, limiter: RateLimiter
    ) -> None:
        self._store = credential_store
        self._authenticator = authenticator
        self._limiter = limiter
        self._snapshot: Snapshot | None = None
        self._granted: dict[tuple[Dialect | str | None, ...], GrantedPrincipal] = {}

    def __len__(self) -> int:
        return len(self._granted)

    def find(
        self, dialect: Dialect, values: dict[str, str], authorization: str | None
    ) -> GrantedPrincipal | None:
        """Finds who sends a request; None for one that has to be authenticated at length."""
        snapshot = self._store.snapshot
        if snapshot is not self._snapshot:
            self._granted.clear()
            self._snapshot = snapshot
        name = (dialect, authorization, *map(values.get, dialect.plain_credentials))
        granted = self._granted.get(name)
        if granted is None:
            granted = self._authenticate(dialect, values, authorization)
            shown = (text for text in name if isinstance(text, str))
            if granted is not None and sum(map(len, shown)) <= _SHOWN_MAX:
                if len(self._granted) >= PRINCIPALS_MAX:
                    self._granted.clear()
                self._granted[name] = granted
        return granted

    def seal_click(self, receipt: UUID, principal: Principal) -> UUID:
        """Returns the receipt of a click, by whose id the click's app is found again."""
        return self._authenticator.seal_click(receipt, principal.grant)

    def _authenticate(
        self, dialect: Dialect, values: dict[str, str], authorization: str | None
    ) -> GrantedPrincipal | None:
        # By nothing else than what is remembered: who shows more is another sender.
        shown = {name: values[name] for name in dialect.plain_credentials if name in values}
        try:
            credentials = credentials_of(PlainParameters(shown), authorization, dialect)
            principal = self._authenticator.find(credentials)
            match principal.key:
                case TokenKey() if dialect.link_names is None:
                    keys = {kind: principal.key_for(scope_of(kind)) for kind in _TOKEN_KINDS}
                case AppKey() | LinkKey() if self._snapshot is not None:
                    keys = dict.fromkeys(Kind, principal.key)
                case _:
                    return None
        except WaybillError:
            return None
        link, app = principal.link, principal.app
        if (
            principal.grant.expires_at_ms is not None
            or principal.fault is not None
            or (link is not None and link.is_archived)
            or (app is not None and app.adjust_refusals)
        ):
            return None
        return GrantedPrincipal(principal, keys, self._limiter.is_limited(principal))


class PlainRequest(msgspec.Struct, frozen=True):
    """A usual request that was read: what it says, who sends it, and what it consists of."""

    parsed: ParsedRequest
    granted: GrantedPrincipal
    values: dict[str, str]
    size_bytes: int

    @property
    def key(self) -> Key:
        """Returns the key that confirms the sender."""
        return self.granted.keys[self.parsed.event.kind]

    def note(self, state: RequestState) -> RequestState:
        """Notes what was understood, for the logs and for a refusal."""
        state.raw, state.size_bytes = PlainParameters(self.values), self.size_bytes
        state.principal, state.scope = self.granted.principal, scope_of(self.parsed.event.kind)
        state.app_token = self.values.get("app_token")
        return state


class FastPath:
    """The fast path of one endpoint."""

    def __init__(
        self,
        dialect: Dialect,
        principals: GrantedPrincipals,
        forgotten_devices: ForgottenDevices,
        now: Clock,
        forwarded_hops: int = 0,
    ) -> None:
        self._dialect = dialect
        self._principals = principals
        self._forgotten_devices = forgotten_devices
        self._now = now
        self._forwarded_hops = forwarded_hops
        headers = set(_UNUSUAL_HEADERS)
        if dialect.address_header is not None:
            headers.add(dialect.address_header.lower().encode())
        if dialect.link_names is not None:
            headers.update(name.lower().encode() for name in PREFETCH_HEADERS)
        self._unusual_headers = frozenset(headers)
        self._unusual_with_form = frozenset(headers).difference(_BODY_HEADERS)

    def read(self, request: Request, form: bytes = b"") -> PlainRequest | None:
        """Reads a request, whose body is this form; None if anything about it is unusual."""
        dialect, scope = self._dialect, request.scope
        query, headers = scope["query_string"], dict(scope["headers"])
        size_bytes = len(query) + len(form)
        if (
            dialect.read_plain is None
            or scope["method"] != ("POST" if form else "GET")
            or len(headers) != len(scope["headers"])  # one is repeated
            or not (self._unusual_with_form if form else self._unusual_headers).isdisjoint(headers)
            or size_bytes > dialect.request_bytes_max
            or (dialect.link_names is not None and _SEPARATED.search(query))
            or (dialect.app_scope is not None and self._forgotten_devices.has_any)
        ):
            return None
        values = plain_values(query, form, dialect.parameters_max, request.params)
        if values is None:
            return None
        shown = headers.get(_AUTHORIZATION)
        authorization = None if shown is None else shown.decode("latin-1")
        granted = self._principals.find(dialect, values, authorization)
        if granted is None:
            return None
        context = self._context(request, values, granted.principal)
        try:
            parsed = dialect.read_plain(values, context)
        except RequestError:
            return None  # the endpoint finds the first error in the order of its fields
        return None if parsed is None else PlainRequest(parsed, granted, values, size_bytes)

    def _context(
        self, request: Request, values: dict[str, str], principal: Principal
    ) -> RequestContext:
        now_ms, client = self._now(), UNKNOWN_CLIENT
        receipt = new_receipt(now_ms)
        if principal.link is not None:
            receipt = self._principals.seal_click(receipt, principal)
            if not (values.get("user_ip") and values.get("user_ua")):
                client = client_of(request, self._forwarded_hops)
        return RequestContext(
            receipt, now_ms, principal.grant, None, principal.link, client, principal.app
        )
