"""Reads the usual request in one pass: a plain query with one known token and nothing unusual.

Whatever is unusual in any way is read by the endpoint, which can read everything. Both read the
same event, which a property test proves. Tokens that were authenticated are remembered: the HMAC of
a token and what is built from it took a tenth of ingest's CPU.
"""

from typing import NamedTuple

from falcon.asgi import Request

from ingest.authentication import Principal
from ingest.credential_store import CredentialStore, Key, TokenKey
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.parameters import PlainParameters, plain_values
from ingest.request_log.journal import RequestState
from shared.clock import Clock
from shared.errors import RequestError, WaybillError
from shared.events import Kind
from shared.ids import new_receipt
from shared.scopes import scope_of
from shared.snapshot import Snapshot

TOKENS_MAX = 10_000  # of one process; beyond it all are forgotten
# Headers that change what a request means: another token, a key, a body.
_UNUSUAL_HEADERS = ("Authorization", "Idempotency-Key", "Content-Length", "Transfer-Encoding")


class GrantedToken(NamedTuple):
    """The principal of a token, and the keys that confirm it, by the kind of event."""

    principal: Principal
    keys: dict[Kind, Key]


class GrantedTokens:
    """The tokens that the snapshot grants everything that the fast path reads.

    A token that may expire, or that lacks a scope, is none of them. With another snapshot all are
    forgotten, so that a token that was revoked is not found; and the flush confirms each key.
    """

    def __init__(self, credential_store: CredentialStore) -> None:
        self._store = credential_store
        self._snapshot: Snapshot | None = None
        self._granted: dict[str, GrantedToken] = {}

    def __len__(self) -> int:
        return len(self._granted)

    def find(self, token: str) -> GrantedToken | None:
        """Finds a token; None for one that has to be authenticated at length."""
        snapshot = self._store.snapshot
        if snapshot is not self._snapshot:
            self._granted.clear()
            self._snapshot = snapshot
        granted = self._granted.get(token)
        return self._authenticate(token) if granted is None else granted

    def _authenticate(self, token: str) -> GrantedToken | None:
        try:
            digest, grant = self._store.find({token.encode()} if token else ())
            principal = Principal(TokenKey(digest), grant, None, shown_token_id=grant.token_id)
            keys = {kind: principal.key_for(scope_of(kind)) for kind in (Kind.EVENT, Kind.OPEN)}
        except WaybillError:
            return None
        if grant.expires_at_ms is not None:
            return None
        if len(self._granted) >= TOKENS_MAX:
            self._granted.clear()
        granted = self._granted[token] = GrantedToken(principal, keys)
        return granted


class FastPath(NamedTuple):
    """The fast path of one endpoint."""

    dialect: Dialect
    tokens: GrantedTokens
    now: Clock

    def read(self, request: Request, state: RequestState) -> tuple[ParsedRequest, Key] | None:
        """Reads a request and notes its state; None if anything about it is unusual."""
        dialect, query = self.dialect, request.scope["query_string"]
        if (
            dialect.read_plain is None
            or request.method != "GET"
            or len(query) > dialect.request_bytes_max
            or any(map(request.get_header, _UNUSUAL_HEADERS))
        ):
            return None
        values = plain_values(query, b"", dialect.parameters_max, request.params)
        granted = None if values is None else self.tokens.find(values.get("s2s_token", ""))
        if values is None or granted is None:
            return None
        now_ms, principal = self.now(), granted.principal
        context = RequestContext(new_receipt(now_ms), now_ms, principal.grant, None)
        try:
            parsed = dialect.read_plain(values, context)
        except RequestError:
            return None  # the endpoint finds the first error in the order of its fields
        if parsed is None:
            return None
        kind = parsed.event.kind
        state.size_bytes, state.principal, state.scope = len(query), principal, scope_of(kind)
        state.raw = PlainParameters(values)
        return parsed, granted.keys[kind]
