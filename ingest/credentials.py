"""Who may send, and through which links: the snapshot, as this process holds it.

Lives on Redis alone. A request is checked against what is in memory; the flush then tells whether
that is still what holds (`InboxWriter.append`), so a revoked token cannot slip in between.
"""

import hmac
from collections.abc import Collection
from typing import NamedTuple, cast

from shared.clock import Clock
from shared.errors import NotReady, Unauthorized, UnknownApp, UnknownLink
from shared.redis import AsyncRedis
from shared.scopes import Scope
from shared.snapshot import (
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
    """A token let a request in, by its digest, for what takes this scope."""

    digest: bytes
    scope: Scope | None = None


class AppKey(NamedTuple):
    """An app let a request in, with or without a token, for what takes this scope."""

    app_token: str
    scope: Scope
    token: bytes | TokenFault


Key = TokenKey | LinkKey | AppKey  # what let a request in


class CredentialStore:
    """Looks tokens, apps and links up. `version` is the snapshot's, None before the first."""

    def __init__(self, secret_key: bytes, now: Clock) -> None:
        self._secret_key = secret_key
        self._key_check = key_check(secret_key)
        self._now = now
        self._snapshot: Snapshot | None = None

    @property
    def version(self) -> int | None:
        return None if self._snapshot is None else self._snapshot.version

    @property
    def holds_other_key(self) -> bool:
        """Whether the snapshot was made under another installation key: no token can be known."""
        held = self._snapshot
        return held is not None and not hmac.compare_digest(held.key_check, self._key_check)

    async def refresh(self, redis: AsyncRedis) -> None:
        """Take what is published now; without a published snapshot, keep none."""
        data = cast("bytes | None", await redis.get(SNAPSHOT_KEY))
        self.take(None if data is None else decode_snapshot(data))

    def take(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot

    def find(self, tokens: Collection[bytes]) -> tuple[bytes, Grant]:
        """The digest and grant of the one token sent; `tokens` are those found, each once.

        Raises Unauthorized when there is none, none that is active, or more than one; NotReady when
        this process cannot tell.
        """
        snapshot = self._ready()
        token = self.digest_of(tokens)
        if isinstance(token, TokenFault):
            raise Unauthorized(token)
        grant, fault = self._judged(snapshot, token, None, None)
        if grant is None or fault is not None:
            raise _unauthorized(fault, grant)
        return token, grant

    def find_link(self, key: LinkKey) -> KnownLink:
        """Raises UnknownLink; NotReady when this process cannot tell."""
        link = self._ready().links.get(key)
        if link is None:
            raise UnknownLink
        return link

    def find_app(self, app_token: str) -> KnownApp:
        """Raises UnknownApp; NotReady when this process cannot tell."""
        app = self._ready().apps.get(app_token)
        if app is None:
            raise UnknownApp
        return app

    def digest_of(self, tokens: Collection[bytes]) -> bytes | TokenFault:
        """The digest of the one token sent, or why there is none."""
        if not tokens:
            return TokenFault.MISSING
        if len(tokens) > 1:
            return TokenFault.SEVERAL
        (token,) = tokens
        if len(token) > TOKEN_BYTES_MAX:
            return TokenFault.WRONG
        return token_digest(self._secret_key, token)

    def judge(self, key: AppKey) -> tuple[KnownApp, Grant | None, TokenFault | None]:
        """The app, what its token would grant, and why the token does not.

        Without a fault there is a grant; with one, there is if the token is one of the app's.
        Raises UnknownApp, NotReady.
        """
        snapshot, app = self._ready(), self.find_app(key.app_token)
        if isinstance(key.token, TokenFault):
            return app, None, key.token
        return app, *self._judged(snapshot, key.token, app.app_id, key.scope)

    def confirm(self, key: Key) -> None:
        """Raises Unauthorized, UnknownLink, UnknownApp, NotReady if it let no request in now."""
        if isinstance(key, LinkKey):
            self.find_link(key)
        elif isinstance(key, AppKey):
            app, grant, fault = self.judge(key)
            if fault is not None and key.scope in app.enforced:
                raise Unauthorized(fault, app.app_id, grant.token_id if grant else None)
        else:
            grant, fault = self._judged(self._ready(), key.digest, None, key.scope)
            if fault is not None:
                raise _unauthorized(fault, grant)

    def _ready(self) -> Snapshot:
        if self._snapshot is None or self.holds_other_key:
            raise NotReady
        return self._snapshot

    def _judged(
        self, snapshot: Snapshot, digest: bytes, app_id: int | None, scope: Scope | None
    ) -> tuple[Grant | None, TokenFault | None]:
        # Looked up by its keyed digest: time tells nothing about the token.
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


def _unauthorized(fault: TokenFault | None, grant: Grant | None) -> Unauthorized:
    if grant is None:
        return Unauthorized(fault or TokenFault.WRONG)
    return Unauthorized(fault or TokenFault.WRONG, grant.app_id, grant.token_id)
