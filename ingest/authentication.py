"""Authenticates a request by its token, its partner link or its app token.

A token is checked before any field, so that a stranger learns nothing about the fields. Only Redis
is needed: a request is checked against the snapshot in memory, and the flush then tells whether
that snapshot is still the newest (`InboxWriter.append`), so a revoked token cannot slip in between.
"""

import hmac
from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple, cast

import msgspec

from ingest.credentials import AppCredential, Credentials
from shared.clock import Clock
from shared.errors import (
    NotReady,
    Unauthorized,
    UnknownApp,
    UnknownLink,
)
from shared.events import Environment
from shared.redis import AsyncRedis
from shared.scopes import Scope
from shared.snapshot import (
    NO_TOKEN,
    SNAPSHOT_KEY,
    Grant,
    KnownApp,
    KnownLink,
    LinkKey,
    Snapshot,
    decode_snapshot,
)
from shared.tokens import TOKEN_BYTES_MAX, TokenFault, key_check, token_digest


class TokenKey(NamedTuple):
    """The digest of the token that authenticated a request, and the scope that the event takes."""

    digest: bytes
    scope: Scope | None = None


class AppKey(NamedTuple):
    """The app that authenticated a request, with or without a token, and the scope it takes."""

    app_token: str
    scope: Scope
    token: bytes | TokenFault


Key = TokenKey | LinkKey | AppKey


class Principal(msgspec.Struct, frozen=True):
    """The sender of an authenticated request. `key` authenticates it again in a newer snapshot.

    `app` is the app that was named; `fault` then says why it would be refused, were enforcement on.
    `shown_token_id` belongs to the token that was sent, even if that grants nothing.
    """

    key: Key
    grant: Grant
    link: KnownLink | None
    app: KnownApp | None = None
    fault: TokenFault | None = None
    shown_token_id: int = NO_TOKEN

    @property
    def is_stranger(self) -> bool:
        """Tells whether no token was accepted."""
        return self.grant.token_id == NO_TOKEN

    def key_for(self, scope: Scope) -> Key:
        """Returns the key for an event that takes this scope. Raises Unauthorized."""
        if not isinstance(self.key, TokenKey):
            return self.key  # a link needs no scope, an app's key has its own
        if not self.grant.allows(scope):
            raise Unauthorized(TokenFault.SCOPE, self.grant.app_id, self.grant.token_id)
        return TokenKey(self.key.digest, scope)


class Authenticator:
    """Authenticates by the snapshot in memory, and has a newer one looked for before refusing."""

    def __init__(self, store: "CredentialStore", catch_up: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._catch_up = catch_up

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Finds the principal of a request.

        Raises Unauthorized, UnknownLink, UnknownApp, NotReady, InboxUnreachable, Overloaded.
        """
        try:
            return self._find(credentials)
        except (UnknownLink, UnknownApp):
            pass
        except Unauthorized:
            if len(credentials.tokens) != 1:
                raise
        await self._catch_up()
        return self._find(credentials)

    def _find(self, credentials: Credentials) -> Principal:
        store, key = self._store, credentials.link
        if credentials.app is not None:
            return self.find_app(credentials.app, credentials.tokens)
        if key is None:
            digest, grant = store.find(credentials.tokens)
            return Principal(TokenKey(digest), grant, None, shown_token_id=grant.token_id)
        if credentials.tokens and (server := self._find_server(credentials, key)):
            return server
        link = store.find_link(key)
        return Principal(key, Grant(NO_TOKEN, link.app_id, Environment.PRODUCTION), link)

    def _find_server(self, credentials: Credentials, key: LinkKey) -> Principal | None:
        """Finds the server that calls for a link; None: the link alone counts.

        Networks put tokens of their own on links, which keep nobody from the destination. Raises
        Unauthorized where there is no such link either, or a program is to be told.
        """
        try:
            digest, grant = self._store.find(credentials.tokens)
        except Unauthorized:
            if credentials.by_program or not self._store.has_link(key):
                raise
            return None
        link = self._store.find_link(key)
        if link.app_id != grant.app_id or not grant.allows(Scope.EVENTS):
            if not credentials.by_program:
                return None
            if link.app_id != grant.app_id:
                raise UnknownLink
        return Principal(TokenKey(digest), grant, link, shown_token_id=grant.token_id)

    def find_app(self, credential: AppCredential, tokens: set[bytes]) -> Principal:
        """Finds the principal of a request that names its app. Raises UnknownApp, Unauthorized."""
        key = AppKey(credential.app_token, credential.scope, self._store.digest_of(tokens))
        app, shown, fault = self._store.judge(key)
        token_id = shown.token_id if shown else NO_TOKEN
        if fault is not None and credential.scope in app.enforced:
            raise Unauthorized(fault, app.app_id, token_id)
        if shown is None or fault is not None:
            shown = Grant(NO_TOKEN, app.app_id, Environment.PRODUCTION)
        return Principal(
            key=key, grant=shown, link=None, app=app, fault=fault, shown_token_id=token_id
        )


class CredentialStore:
    """The tokens, apps and links of the snapshot in memory. `version` is None before the first."""

    def __init__(self, secret_key: bytes, now: Clock) -> None:
        self._secret_key = secret_key
        self._key_check = key_check(secret_key)
        self._now = now
        self.snapshot: Snapshot | None = None

    @property
    def version(self) -> int | None:
        return None if self.snapshot is None else self.snapshot.version

    @property
    def holds_other_key(self) -> bool:
        """Tells whether the snapshot belongs to another secret key, so that no token can match."""
        snapshot = self.snapshot
        return snapshot is not None and not hmac.compare_digest(snapshot.key_check, self._key_check)

    async def refresh(self, redis: AsyncRedis) -> None:
        """Loads the published snapshot; holds none when none is published."""
        data = cast("bytes | None", await redis.get(SNAPSHOT_KEY))
        self.use(None if data is None else decode_snapshot(data))

    def use(self, snapshot: Snapshot | None) -> None:
        self.snapshot = snapshot

    def find(self, tokens: Collection[bytes]) -> tuple[bytes, Grant]:
        """Returns the digest and grant of the one token sent; `tokens` holds each once.

        Raises Unauthorized when there is none, none that is active, or more than one; NotReady when
        this process cannot tell.
        """
        snapshot, token = self._ready(), self.digest_of(tokens)
        if isinstance(token, TokenFault):
            raise Unauthorized(token)
        return token, self._require(snapshot, token, None)

    def find_link(self, key: LinkKey) -> KnownLink:
        """Raises UnknownLink; NotReady when this process cannot tell."""
        link = self._ready().links.get(key)
        if link is None:
            raise UnknownLink
        return link

    def has_link(self, key: LinkKey) -> bool:
        """Tells whether a link has this key. Raises NotReady."""
        return key in self._ready().links

    def digest_of(self, tokens: Collection[bytes]) -> bytes | TokenFault:
        """Returns the digest of the one token sent, or why there is none."""
        if not tokens:
            return TokenFault.MISSING
        if len(tokens) > 1:
            return TokenFault.SEVERAL
        (token,) = tokens
        if len(token) > TOKEN_BYTES_MAX:
            return TokenFault.WRONG
        return token_digest(self._secret_key, token)

    def judge(self, key: AppKey) -> tuple[KnownApp, Grant | None, TokenFault | None]:
        """Returns the app, the grant of its token, and the fault of the token.

        Without a fault there is a grant; with one, only if the token is one of the app's.
        Raises UnknownApp; NotReady when this process cannot tell.
        """
        snapshot = self._ready()
        app = snapshot.apps.get(key.app_token)
        if app is None:
            raise UnknownApp
        if isinstance(key.token, TokenFault):
            return app, None, key.token
        return app, *self._check(snapshot, key.token, app.app_id, key.scope)

    def confirm(self, key: Key) -> None:
        """Raises Unauthorized, UnknownLink, UnknownApp, NotReady if it authenticates none now."""
        if isinstance(key, LinkKey):
            self.find_link(key)
        elif isinstance(key, AppKey):
            app, grant, fault = self.judge(key)
            if fault is not None and key.scope in app.enforced:
                raise Unauthorized(fault, app.app_id, grant.token_id if grant else None)
        else:
            self._require(self._ready(), key.digest, key.scope)

    def _ready(self) -> Snapshot:
        if self.snapshot is None or self.holds_other_key:
            raise NotReady
        return self.snapshot

    def _require(self, snapshot: Snapshot, digest: bytes, scope: Scope | None) -> Grant:
        grant, fault = self._check(snapshot, digest, None, scope)
        if grant is None:
            raise Unauthorized(fault or TokenFault.WRONG)
        if fault is not None:
            raise Unauthorized(fault, grant.app_id, grant.token_id)
        return grant

    def _check(
        self, snapshot: Snapshot, digest: bytes, app_id: int | None, scope: Scope | None
    ) -> tuple[Grant | None, TokenFault | None]:
        # Looked up by its keyed digest: timing reveals nothing about the token.
        grant = snapshot.grants.get(digest)
        known = grant or snapshot.inactive.get(digest)
        if known is None:
            return None, TokenFault.WRONG
        if app_id is not None and known.app_id != app_id:
            return None, TokenFault.OTHER_APP
        if grant is None:
            return known, TokenFault.INACTIVE
        if grant.expires_at_ms is not None and self._now() >= grant.expires_at_ms:
            return grant, TokenFault.EXPIRED
        if scope is not None and not grant.allows(scope):
            return grant, TokenFault.SCOPE
        return grant, None
