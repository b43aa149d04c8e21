"""Authenticates a request by its token, its partner link, its app token or its click.

A token is checked before any field, so that a stranger learns nothing about the fields. Only Redis
is needed: a request is checked against the snapshot in memory, and the flush then tells whether
that snapshot is still the newest (`InboxWriter.append`), so a revoked token cannot slip in between.
"""

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

import msgspec

from ingest.credential_store import (
    AppKey,
    CredentialStore,
    Key,
    NetworkKey,
    SdkKey,
    SdkTrafficOff,
    TokenKey,
)
from ingest.dialects.dialect import Sender, is_yes
from ingest.parameters import RawParameters
from shared.errors import (
    ConflictingValues,
    MissingField,
    NotReady,
    Unauthorized,
    UnknownApp,
    UnknownLink,
)
from shared.events import Environment
from shared.names.invisible import trimmed
from shared.placeholders import is_no_id, is_placeholder
from shared.scopes import Scope
from shared.snapshot import (
    NO_TOKEN,
    Grant,
    KnownApp,
    KnownLink,
    LinkKey,
)
from shared.tokens import TokenFault


class AppCredential(msgspec.Struct, frozen=True):
    """The app that a request names, and the scope that sending to this endpoint takes.

    Without a scope it is an SDK that names the app, and shows nothing else.
    """

    app_token: str
    scope: Scope | None


class NetworkCredential(msgspec.Struct, frozen=True):
    """The sign of a network in place of a token: its security token, or a click of the app.

    `click_id` is empty where the call names a user besides: only a token speaks for users.
    """

    security_tokens: set[bytes]
    click_id: str


class Credentials(msgspec.Struct, frozen=True):
    """The tokens found in a request, each once, and the link or app that it names.

    `by_program` tells that nobody who follows the link waits for a redirect. `network` is only
    looked at without a token. `takes_sdk` tells that the token may be the public one of an SDK, and
    `by_sdk` that it has to be.
    """

    tokens: set[bytes]
    link: LinkKey | None
    app: AppCredential | None = None
    by_program: bool = False
    network: NetworkCredential | None = None
    takes_sdk: bool = False
    by_sdk: bool = False


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
        """Tells whether no token was accepted, or one that everybody has."""
        return self.grant.token_id == NO_TOKEN or self.grant.sdk

    def key_for(self, scope: Scope) -> Key:
        """Returns the key for an event that takes this scope. Raises Unauthorized."""
        if not isinstance(self.key, TokenKey | NetworkKey):
            return self.key  # a link and an SDK need no scope, an app's key has its own
        if not self.grant.allows(scope):
            raise Unauthorized(TokenFault.SCOPE, self.grant.app_id, self.grant.token_id)
        return self.key._replace(scope=scope)


class Authenticator:
    """Authenticates by the snapshot in memory, and has a newer one looked for before refusing."""

    def __init__(self, store: CredentialStore, catch_up: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._catch_up = catch_up

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Finds the principal of a request.

        Raises Unauthorized, UnknownLink, UnknownApp, SdkTrafficOff, NotReady, InboxUnreachable,
        Overloaded.
        """
        try:
            return self.find(credentials)
        except (UnknownLink, UnknownApp, SdkTrafficOff):
            pass
        except Unauthorized:
            if len(credentials.tokens) != 1 and credentials.network is None:
                raise
        await self._catch_up()
        return self.find(credentials)

    def has_sdk_traffic(self, app_token: str) -> bool:
        """Tells whether an app accepts SDK traffic, as far as this process knows."""
        return self._store.has_sdk_traffic(app_token)

    def seal_click(self, receipt: UUID, grant: Grant) -> UUID:
        """Returns the receipt of a click, by whose id the click's app is found again."""
        return self._store.seal.seal(receipt, grant.app_id, grant.environment)

    def find(self, credentials: Credentials) -> Principal:
        """Finds the principal of a request in the snapshot in memory. Raises as `authenticate`."""
        store, key = self._store, credentials.link
        if credentials.network is not None:
            return self._find_network(credentials.network)
        if credentials.app is not None:
            return self.find_app(credentials.app, credentials.tokens)
        if key is None:
            digest, grant = store.find(credentials.tokens)
            is_sdk = credentials.by_sdk or (credentials.takes_sdk and grant.sdk)
            grant = store.find_sdk(digest) if is_sdk else grant
            shown = SdkKey(digest) if is_sdk else TokenKey(digest)
            return Principal(shown, grant, None, shown_token_id=grant.token_id)
        if credentials.tokens and (server := self._find_server(credentials, key)):
            return server
        link = store.find_link(key)
        if credentials.by_sdk:
            store.require_sdk_traffic(link.app_id)
        return Principal(key, Grant(NO_TOKEN, link.app_id, Environment.PRODUCTION), link)

    def _find_network(self, network: NetworkCredential) -> Principal:
        tokens = network.security_tokens
        token = self._store.digest_of(tokens) if tokens else None
        key = NetworkKey(token, network.click_id)
        grant = self._store.judge_network(key)
        return Principal(key, grant, None, shown_token_id=grant.token_id)

    def _find_server(self, credentials: Credentials, key: LinkKey) -> Principal | None:
        """Finds the server that calls for a link; None: the link alone counts.

        Networks put tokens of their own on links, which keep nobody from the destination. Raises
        Unauthorized where there is no such link either, or a program is to be told.
        """
        try:
            digest, grant = self._store.find(credentials.tokens)
        except (Unauthorized, NotReady):
            if credentials.by_program or not self._store.has_link(key):
                raise
            return None
        if grant.sdk:
            return None
        link = self._store.find_link(key)
        if link.app_id != grant.app_id or not grant.allows(Scope.EVENTS):
            if not credentials.by_program:
                return None
            if link.app_id != grant.app_id:
                raise UnknownLink
        return Principal(TokenKey(digest), grant, link, shown_token_id=grant.token_id)

    def find_app(self, credential: AppCredential, tokens: set[bytes]) -> Principal:
        """Finds the principal of a request that names its app.

        Raises UnknownApp, Unauthorized, SdkTrafficOff.
        """
        if credential.scope is None:
            app = self._store.find_sdk_app(credential.app_token)
            grant = Grant(NO_TOKEN, app.app_id, Environment.PRODUCTION)
            return Principal(SdkKey(credential.app_token), grant, None, app)
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


def credentials_of(
    raw: RawParameters, authorization: str | None, sender: Sender, token: str | None = None
) -> Credentials:
    """Collects the credentials that a request shows, as its sender sends them.

    `token` is the one of the sender's own header.
    Raises MissingField for a link or app named by half or not at all, ConflictingValues for an app
    named twice.
    """
    if sender.basic and authorization:
        authorization = _user_name(authorization)
    tokens = set() if sender.is_sdk else _tokens(raw, authorization, sender.token_names)
    tokens |= _trimmed_tokens([(token or "").encode("latin-1", "replace")])
    if sender.app_scope is not None or sender.is_sdk:
        app_token = _value(raw, "app_token")
        if not app_token:
            raise MissingField("app_token", "Send the app token that `waybill app list` shows.")
        return Credentials(tokens, None, AppCredential(app_token, sender.app_scope))
    if sender.link_names is None:
        if not tokens:
            return Credentials(tokens, None, network=_network(raw, sender.network_token_name))
        named = [_value(raw, name) for name in sender.named_link or ()]
        return Credentials(tokens, LinkKey(*named) if any(named) else None, by_program=True)
    names = sender.link_names
    # Networks append names to links: the first pair is the link's own.
    values = [_value(raw, name, takes_first=True) for name in names]
    if tokens and not any(values):
        return Credentials(tokens, None, takes_sdk=True)
    for name, value in zip(names, values, strict=True):
        if not value:
            raise MissingField(name, f"Send {' and '.join(names)} of a link, or a token.")
    answer = raw.values(sender.no_redirect_name) if sender.no_redirect_name else ()
    by_program = any(is_yes(value.decode(errors="replace")) for value in answer)
    return Credentials(tokens, LinkKey.read(*values), by_program=by_program)


def _user_name(authorization: str) -> str:
    """Returns the user name of basic authentication; of any other scheme the header as it is."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        shown = b64decode(rest.strip(), validate=True)
    except (binascii.Error, ValueError):
        return authorization
    # Some senders leave the colon out. What is left is a token, whatever it looks like.
    return f"Bearer {shown.partition(b':')[0].decode('latin-1')}"


def _tokens(raw: RawParameters, authorization: str | None, names: Iterable[str]) -> set[bytes]:
    shown = [value for name in names for value in raw.values(name)]
    if authorization:
        # Swaarm sends the bare token, Adjust "Bearer <token>": both are accepted everywhere.
        scheme, _, rest = authorization.strip(" \t").partition(" ")
        token = rest if scheme.lower() == "bearer" else authorization
        shown.append(token.encode("latin-1", "replace"))
    return _trimmed_tokens(shown)


def _trimmed_tokens(shown: Iterable[bytes]) -> set[bytes]:
    """Returns tokens without what is around them and no part of them, as around any ID."""
    trimmed_tokens = (trimmed(token.decode(errors="replace")).encode() for token in shown)
    return {token for token in trimmed_tokens if token}


def _network(raw: RawParameters, token_name: str | None) -> NetworkCredential | None:
    """Collects what a network shows; of two clicks or users, it shows none."""
    if token_name is None:
        return None
    tokens = _trimmed_tokens(raw.values(token_name))
    click_ids, user_ids = (
        {trimmed(value.decode(errors="replace")) for value in raw.values(name)}
        for name in ("click_id", "user_id")
    )
    users = {user_id for user_id in user_ids - click_ids if not is_no_id(user_id)}
    click_id = "" if users or len(click_ids) != 1 else click_ids.pop()
    return NetworkCredential(tokens, click_id) if tokens or click_id else None


def _value(raw: RawParameters, name: str, *, takes_first: bool = False) -> str:
    # No link or app has the replacement character in its name: what is not UTF-8 names none.
    values = list({trimmed(value.decode(errors="replace")): 0 for value in raw.values(name)})
    if len(values) > 1:  # the name of a link may be any word, also one that stands for nobody
        values = [v for v in values if v and not (is_placeholder if takes_first else is_no_id)(v)]
    if len(values) > 1 and not takes_first:
        raise ConflictingValues(name)
    return values[0] if values else ""
