"""Who lets a request in: its token, the partner's link that it came through, or the app it names.

A token comes before any field is looked at, so that a stranger learns nothing of the fields.
"""

from collections.abc import Iterable

import msgspec

from ingest.credentials import AppKey, CredentialStore, Key, TokenKey
from ingest.dialects.dialect import Dialect
from ingest.parameters import Sent
from ingest.watch import Watch
from shared.errors import ConflictingValues, MissingField, Unauthorized, UnknownApp, UnknownLink
from shared.events import Environment
from shared.scopes import Scope
from shared.snapshot import NO_TOKEN, Grant, KnownApp, KnownLink, LinkKey
from shared.tokens import TokenFault


class AppCredential(msgspec.Struct, frozen=True):
    """The app that a request names, and the scope that it takes to send it there."""

    app_token: str
    scope: Scope


class Credentials(msgspec.Struct, frozen=True):
    """What a request shows: the tokens found in it, each once, and the link or app it names."""

    tokens: set[bytes]
    link: LinkKey | None
    app: AppCredential | None = None


class Principal(msgspec.Struct, frozen=True):
    """What let a request in. By `key` it is let in again if the snapshot changes meanwhile.

    `app` is the app that was named; `fault` then says why it would be refused, were enforcement on.
    `shown_token_id` is of the token that came, even if it grants nothing.
    """

    key: Key
    grant: Grant
    link: KnownLink | None
    app: KnownApp | None = None
    fault: TokenFault | None = None
    shown_token_id: int = NO_TOKEN

    def allowing(self, scope: Scope) -> Key:
        """The key for what takes this scope. Raises Unauthorized."""
        if not isinstance(self.key, TokenKey):
            return self.key  # a link needs none, an app's key has its own
        if not self.grant.allows(scope):
            raise Unauthorized(TokenFault.SCOPE, self.grant.app_id, self.grant.token_id)
        return TokenKey(self.key.digest, scope)


class Authenticator:
    """Admits by the snapshot that this process holds, and looks for a newer one before refusing."""

    def __init__(self, grants: CredentialStore, watch: Watch) -> None:
        self._grants = grants
        self._watch = watch

    async def authenticate(self, claim: Credentials) -> Principal:
        """Raises Unauthorized, UnknownLink, UnknownApp, NotReady, InboxUnreachable, Overloaded."""
        try:
            return self._find(claim)
        except (UnknownLink, UnknownApp):
            pass
        except Unauthorized:
            if len(claim.tokens) != 1:
                raise
        await self._watch.catch_up()
        return self._find(claim)

    def _find(self, claim: Credentials) -> Principal:
        if claim.app is not None:
            return self._find_app(claim.app, claim.tokens)
        if claim.tokens or claim.link is None:
            digest, grant = self._grants.find(claim.tokens)
            link = self._link_of(grant, claim.link)
            return Principal(TokenKey(digest), grant, link, shown_token_id=grant.token_id)
        link = self._grants.find_link(claim.link)
        return Principal(claim.link, Grant(NO_TOKEN, link.app_id, Environment.PRODUCTION), link)

    def _find_app(self, named: AppCredential, tokens: set[bytes]) -> Principal:
        key = AppKey(named.app_token, named.scope, self._grants.digest_of(tokens))
        app, shown, fault = self._grants.judge(key)
        token_id = shown.token_id if shown else NO_TOKEN
        if fault is not None and named.scope in app.enforced:
            raise Unauthorized(fault, app.app_id, token_id)
        nothing = Grant(NO_TOKEN, app.app_id, Environment.PRODUCTION)
        grant = nothing if shown is None or fault is not None else shown
        return Principal(key, grant, None, app, fault, token_id)

    def _link_of(self, grant: Grant, key: LinkKey | None) -> KnownLink | None:
        if key is None:
            return None
        link = self._grants.find_link(key)
        if link.app_id != grant.app_id:
            raise UnknownLink
        return link


def credentials_of(sent: Sent, authorization: str | None, dialect: Dialect) -> Credentials:
    """Raises MissingField, ConflictingValues for a link or app named by half, twice or not."""
    tokens = _tokens(sent, authorization, dialect.token_names)
    if dialect.app_scope is not None:
        return Credentials(tokens, None, AppCredential(_app_token(sent), dialect.app_scope))
    if dialect.link_names is None:
        return Credentials(tokens, None)
    return Credentials(tokens, _link_key(sent, dialect.link_names, is_needed=not tokens))


def _tokens(sent: Sent, authorization: str | None, names: Iterable[str]) -> set[bytes]:
    tokens: set[bytes] = set()
    for name in names:
        tokens.update(sent.values(name))
    if authorization:
        # Swaarm sends the bare token, Adjust "Bearer <token>": both are taken everywhere.
        scheme, _, rest = authorization.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else authorization.strip()
        if token:
            tokens.add(token.encode("latin-1", "replace"))
    return tokens


def _app_token(sent: Sent) -> str:
    value = _value(sent, "app_token")
    if not value:
        raise MissingField("app_token", "Send the app token that `waybill app list` shows.")
    return value


def _link_key(sent: Sent, names: tuple[str, str], *, is_needed: bool) -> LinkKey | None:
    values = [_value(sent, name) for name in names]
    if not is_needed and not any(values):
        return None
    for name, value in zip(names, values, strict=True):
        if not value:
            raise MissingField(name, f"Send {' and '.join(names)} of a link, or a token.")
    return LinkKey(*values)


def _value(sent: Sent, name: str) -> str:
    values = sent.values(name)
    if len(values) > 1:
        raise ConflictingValues(name)
    # No link or app is named with the replacement character: what is not UTF-8 names none.
    return b"".join(values).decode(errors="replace")
