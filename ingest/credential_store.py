"""Holds the credentials of all senders, the snapshot in memory, and judges what a request shows."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ingest.click_ids import ClickSeal, link_of_swaarms
from ingest.snapshots.loader import SnapshotLoader
from shared.clock import Clock
from shared.errors import NotReady, RequestError, Unauthorized, UnknownApp, UnknownLink
from shared.events import Environment
from shared.keys.click_keys import unwrap_click_keys
from shared.keys.installation_key import accepted_keys, key_with_check
from shared.keys.rehashed_tokens import rehash_commands
from shared.redis import AsyncPipeline, AsyncRedis
from shared.scopes import Scope
from shared.shards.shard_names import ShardNames
from shared.snapshot import (
    NO_TOKEN,
    Grant,
    KnownApp,
    KnownLink,
    LinkKey,
    Snapshot,
)
from shared.tokens import TOKEN_BYTES_MAX, TokenFault, token_digest


class TokenKey(NamedTuple):
    """The digest of the token that authenticated a request, and the scope that the event takes."""

    digest: bytes
    scope: Scope | None = None


class AppKey(NamedTuple):
    """The app that authenticated a request, with or without a token, and the scope it takes."""

    app_token: str
    scope: Scope
    token: bytes | TokenFault


class NetworkKey(NamedTuple):
    """The sign of a network in place of a token: its security token if sent, else a click."""

    token: bytes | TokenFault | None
    click_id: str
    scope: Scope | None = None


class SdkKey(NamedTuple):
    """The app that an SDK named, or the digest of the public token that it sent."""

    sender: str | bytes


Key = TokenKey | LinkKey | AppKey | NetworkKey | SdkKey


class SdkTrafficOff(RequestError):
    """A call of an SDK for an app that takes none."""

    code = "sdk_traffic_off"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This app accepts no SDK traffic. Switch it on in the app's settings, or send from a "
            "server."
        )


class CredentialStore:
    """The tokens, apps and links of the snapshot in memory. `version` is None before the first."""

    def __init__(self, secret_key: bytes, now: Clock) -> None:
        self._secret_key = secret_key
        self._key = secret_key  # the accepted one that is in force
        self._former_key: bytes | None = None
        self._rehashed: dict[int, bytes] = {}  # new digests of tokens used since a rotation
        self._new_digests: dict[bytes, bytes] = {}  # by the digest before, of the same tokens
        self.holds_other_key = False  # true: of another installation, so that no token can match
        self._now = now
        self.seal = ClickSeal(secret_key)
        self.snapshot: Snapshot | None = None
        self._loader = SnapshotLoader()
        self._kept_links: Mapping[LinkKey, KnownLink] | None = None
        self._open_to_networks: dict[int, KnownApp] = {}

    @property
    def version(self) -> int | None:
        return None if self.snapshot is None else self.snapshot.version

    async def refresh(self, redis: AsyncRedis) -> None:
        """Loads the published snapshot; holds none when none is published."""
        self.use(await self._loader.load(redis))

    def use(self, snapshot: Snapshot | None) -> None:
        """Uses a snapshot; with None, links alone are still found, as last known."""
        if self.snapshot is not None and not self.holds_other_key:
            self._kept_links = self.snapshot.links
        self.snapshot = snapshot
        self._use_keys(snapshot)
        apps = () if snapshot is None else snapshot.apps.values()
        self._open_to_networks = {app.app_id: app for app in apps if app.accepts_networks}

    def _use_keys(self, snapshot: Snapshot | None) -> None:
        key = None if snapshot is None else key_with_check(self._secret_key, snapshot.key_check)
        self.holds_other_key = snapshot is not None and key is None
        if snapshot is None or key is None:
            return
        newest, *earlier = accepted_keys(self._secret_key)
        self._key, self._former_key = key, earlier[0] if earlier and key == newest else None
        self._rehashed = {
            token_id: digest
            for token_id, digest in self._rehashed.items()
            if digest not in snapshot.grants
        }
        self.seal = ClickSeal(key, unwrap_click_keys(key, snapshot.former_click_keys))

    def report_rehashed(self, pipeline: AsyncPipeline, names: ShardNames) -> None:
        """Queues the report of tokens used since the key was rotated, until it is published."""
        rehash_commands(pipeline, names, self._key, self._rehashed)

    def keep_links(self, snapshot: Snapshot) -> None:
        """Takes the links of an earlier snapshot, unless another installation made it."""
        if key_with_check(self._secret_key, snapshot.key_check) is not None:
            self._kept_links = snapshot.links

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
        link = self._link(key)
        if link is None:
            self._ready()  # an earlier snapshot does not tell whether the link is newer
            raise UnknownLink
        return link

    def has_link(self, key: LinkKey) -> bool:
        """Tells whether a link has this key. Raises NotReady."""
        return self._link(key) is not None or key in self._ready().links

    def digest_of(self, tokens: Collection[bytes]) -> bytes | TokenFault:
        """Returns the digest of the one token sent, or why there is none."""
        if not tokens:
            return TokenFault.MISSING
        if len(tokens) > 1:
            return TokenFault.SEVERAL
        (token,) = tokens
        if len(token) > TOKEN_BYTES_MAX:
            return TokenFault.WRONG
        digest = token_digest(self._key, token)
        snapshot = self.snapshot
        if self._former_key is None or snapshot is None or digest in snapshot.grants:
            return digest
        former = token_digest(self._former_key, token)
        if grant := snapshot.grants.get(former):
            self._rehashed[grant.token_id] = self._new_digests[former] = digest
        return former if grant or former in snapshot.inactive else digest

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

    def judge_network(self, key: NetworkKey) -> Grant:
        """Returns the grant of a network's call that has no other token.

        A security token that is sent has to be right where the app accepts any; elsewhere it says
        nothing. Raises Unauthorized; NotReady when this process cannot tell.
        """
        snapshot, apps, fault = self._ready(), self._open_to_networks, TokenFault.MISSING
        if isinstance(key.token, bytes):
            grant, found = self._check(snapshot, key.token, None, key.scope)
            app = apps.get(grant.app_id) if grant else None
            if app is not None and app.security_token_postbacks:
                return self._require(snapshot, key.token, key.scope)
            fault = found or fault
        owner = self._click_owner(snapshot, key.click_id)
        if owner is None:
            raise Unauthorized(fault)
        app_id, environment = owner
        is_refused = key.token is not None and apps[app_id].security_token_postbacks
        if is_refused or not apps[app_id].click_id_postbacks:
            raise Unauthorized(TokenFault.WRONG if is_refused else fault, app_id)
        return Grant(NO_TOKEN, app_id, environment)

    def _click_owner(self, snapshot: Snapshot, click_id: str) -> tuple[int, Environment] | None:
        """Returns the app and environment of a click, if the app is open to networks."""
        owner = self.seal.owner(click_id, self._open_to_networks)
        if owner is not None:
            return owner
        link_key = link_of_swaarms(click_id)
        link = None if link_key is None else snapshot.links.get(link_key)
        if link is None or link.app_id not in self._open_to_networks:
            return None
        return link.app_id, Environment.PRODUCTION

    def find_sdk(self, digest: bytes) -> Grant:
        """Returns the grant of a public token. Raises Unauthorized, SdkTrafficOff, NotReady."""
        grant = self._require(self._ready(), digest, None)
        if not grant.sdk:
            raise Unauthorized(TokenFault.SCOPE, grant.app_id, grant.token_id)
        self.require_sdk_traffic(grant.app_id)
        return grant

    def find_sdk_app(self, app_token: str) -> KnownApp:
        """Returns the app that an SDK names. Raises UnknownApp, SdkTrafficOff, NotReady."""
        app = self._ready().apps.get(app_token)
        if app is None:
            raise UnknownApp
        self.require_sdk_traffic(app.app_id)
        return app

    def require_sdk_traffic(self, app_id: int) -> None:
        """Raises SdkTrafficOff, NotReady."""
        if app_id not in self._ready().sdk_apps:
            raise SdkTrafficOff

    def has_sdk_traffic(self, app_token: str) -> bool:
        """Tells whether an app accepts SDK traffic; not, while this process cannot tell."""
        snapshot = self.snapshot
        app = None if snapshot is None else snapshot.apps.get(app_token)
        return snapshot is not None and app is not None and app.app_id in snapshot.sdk_apps

    def confirm(self, key: Key) -> None:
        """Raises the error of a key that authenticates nobody now; NotReady."""
        if isinstance(key, LinkKey):
            self.find_link(key)
        elif isinstance(key, AppKey):
            app, grant, fault = self.judge(key)
            if fault is not None and key.scope in app.enforced:
                raise Unauthorized(fault, app.app_id, grant.token_id if grant else None)
        elif isinstance(key, NetworkKey):
            self.judge_network(key)
        elif isinstance(key, SdkKey):
            if isinstance(key.sender, str):
                self.find_sdk_app(key.sender)
            else:
                self.find_sdk(key.sender)
        else:
            self._require(self._ready(), key.digest, key.scope)

    def _link(self, key: LinkKey) -> KnownLink | None:
        # Without a snapshot nothing is stored, but people who click are sent on all the same.
        kept = self._kept_links if self.snapshot is None else None
        links = self._ready().links if kept is None else kept
        return links.get(key) or links.get(key.without_stop())

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
        # A request may wait in a batch while the rotation of the key is finished.
        digest = digest if digest in snapshot.grants else self._new_digests.get(digest, digest)
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
