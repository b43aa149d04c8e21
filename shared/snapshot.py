"""Defines the snapshot: the credentials of all senders, as ingest holds them in memory.

Apps, tokens and links are stored in PostgreSQL, while ingest uses Redis alone. So each change
publishes everything that ingest needs as one value with a version (`shared.publishing`).
"""

import re
from typing import NamedTuple

import msgspec

from shared.events import Environment
from shared.limits.app_limits import DEFAULT_LIMITS, AppLimits
from shared.scopes import Scope

NO_TOKEN = 0  # instead of a token's id, if a click was authenticated by a partner's link

_LINK_NAME = re.compile(r"[A-Za-z0-9._~-]+")


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """The rights of a token: events of one app in one environment, of some scopes or of all.

    Without `scopes` it allows all. From `expires_at_ms` on, in Unix milliseconds, it allows
    nothing; None means that it never expires. The token of an SDK (`sdk`) is public: it allows what
    SDKs send, and none of the scopes.
    """

    token_id: int
    app_id: int
    environment: Environment
    scopes: tuple[Scope, ...] = ()
    expires_at_ms: int | None = None
    sdk: bool = False

    def allows(self, scope: Scope) -> bool:
        """Tells whether the token may be used for this scope."""
        return not self.sdk and (not self.scopes or scope in self.scopes)


class KnownEventType(msgspec.Struct, frozen=True, array_like=True):
    """The event type of an event token. If `is_unique`, it counts once per user."""

    id: int
    mapping_id: str
    is_unique: bool = False


class KnownApp(msgspec.Struct, frozen=True, array_like=True):
    """An app that senders name by its app token.

    For the scopes `enforced`, a request in the Adjust dialect needs a token. With
    `adjust_refusals`, requests also get Adjust's refusals that depend on earlier events. With
    `click_id_postbacks`, a postback may name a click in place of a token; with
    `security_token_postbacks`, it may carry one as `security_token`.
    """

    app_id: int
    enforced: tuple[Scope, ...] = ()
    adjust_refusals: bool = False
    event_types: dict[str, KnownEventType] = {}
    click_id_postbacks: bool = False
    security_token_postbacks: bool = False
    limits: AppLimits = DEFAULT_LIMITS

    @property
    def accepts_networks(self) -> bool:
        """Tells whether networks may report conversions in a way of their own."""
        return self.click_id_postbacks or self.security_token_postbacks


class LinkKey(NamedTuple):
    """The offer and publisher by which a click names its link."""

    offer_id: str
    pub_id: str

    @classmethod
    def read(cls, offer_id: str, pub_id: str) -> "LinkKey":
        """Reads the key that an address names, without what the text around it left: `34)`, `34/`.

        No name of a link has another character than these.
        """
        first, second = map(_LINK_NAME.search, (offer_id, pub_id))
        return cls(first[0] if first else offer_id, second[0] if second else pub_id)

    def without_stop(self) -> "LinkKey":
        """Returns it without the full stop of the sentence that the address ended."""
        return LinkKey(self.offer_id.rstrip("."), self.pub_id.rstrip("."))


class KnownLink(msgspec.Struct, frozen=True, array_like=True):
    """A partner's tracking link: its clicks need no token. `destination` may contain macros.

    `name` is how people, imports and batches call it; empty in a snapshot of an older version.
    `postback_names` are the names of fields in its network's postbacks, where they differ. One that
    `is_archived` redirects, and its clicks are not stored.
    """

    link_id: int
    app_id: int
    destination: str
    name: str = ""
    postback_names: dict[str, str] = {}
    is_archived: bool = False


class Snapshot(msgspec.Struct, frozen=True):
    """The credentials of all senders: grants by token digest, apps by app token.

    An app has its event types by event token. `key_check` shows under which installation key the
    digests were computed. Tokens of `inactive` authorize nothing: they only let the app's team tell
    a deactivated token from a wrong one. `tombstone_key` is wrapped under the installation key;
    while nobody was forgotten, no request is looked up among those who were. `sdk_apps` are the
    apps that accept the traffic of SDKs. `former_click_keys`, each wrapped, seal the click ids from
    before a rotation of the installation key. `truncating_apps` store no complete IP addresses.
    """

    version: int
    key_check: bytes
    grants: dict[bytes, Grant]
    links: dict[LinkKey, KnownLink] = {}
    apps: dict[str, KnownApp] = {}
    inactive: dict[bytes, Grant] = {}
    tombstone_key: bytes = b""
    has_forgotten: bool = False
    sdk_apps: frozenset[int] = frozenset()
    former_click_keys: tuple[bytes, ...] = ()
    truncating_apps: frozenset[int] = frozenset()


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Encodes a snapshot for Redis."""
    return msgspec.msgpack.encode(snapshot)


def decode_snapshot(data: bytes) -> Snapshot:
    """Decodes a snapshot. Raises msgspec.MsgspecError if the bytes are not one."""
    return msgspec.msgpack.decode(data, type=Snapshot)
