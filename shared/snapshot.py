"""The snapshot: who may send, as ingest holds it in memory.

Apps, tokens and links live in PostgreSQL; ingest lives on Redis alone. So each change publishes
everything that ingest needs as one value with a version (`shared.publishing`).
"""

from typing import NamedTuple

import msgspec

from shared.events import Environment
from shared.scopes import Scope

SNAPSHOT_KEY = "waybill:snapshot"
VERSION_KEY = "waybill:snapshot:version"


NO_TOKEN = 0  # instead of a token's id, where a partner's link let a click in


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """What a token allows: events of one app in one environment, of some scopes or, empty, of all.

    `expires_at_ms`, Unix milliseconds: from then on it allows nothing. None: never.
    """

    token_id: int
    app_id: int
    environment: Environment
    scopes: tuple[Scope, ...] = ()
    expires_at_ms: int | None = None

    def allows(self, scope: Scope) -> bool:
        return not self.scopes or scope in self.scopes


class KnownEventType(msgspec.Struct, frozen=True, array_like=True):
    """What an event token stands for. `is_unique`: it counts once a user."""

    id: int
    mapping_id: str
    is_unique: bool = False


class KnownApp(msgspec.Struct, frozen=True, array_like=True):
    """An app as senders name it by its app token.

    `enforced`: for these scopes a request in the Adjust dialect needs a token. `adjust_refusals`:
    it also gets Adjust's refusals that depend on what came before.
    """

    app_id: int
    enforced: tuple[Scope, ...] = ()
    adjust_refusals: bool = False
    event_types: dict[str, KnownEventType] = {}


class LinkKey(NamedTuple):
    """What a click names its link by."""

    offer_id: str
    pub_id: str


class KnownLink(msgspec.Struct, frozen=True, array_like=True):
    """A partner's tracking link: clicks on it need no token. `destination` may hold macros."""

    link_id: int
    app_id: int
    destination: str


class Snapshot(msgspec.Struct, frozen=True):
    """`grants` and `inactive` by token digest, `apps` by app token with event types by event token.

    `key_check` shows under which installation key the digests were made. What is `inactive` lets
    nobody in: it only tells the app's team apart a token that was switched off and a wrong one.
    """

    version: int
    key_check: bytes
    grants: dict[bytes, Grant]
    links: dict[LinkKey, KnownLink] = {}
    apps: dict[str, KnownApp] = {}
    inactive: dict[bytes, Grant] = {}


def encode_snapshot(snapshot: Snapshot) -> bytes:
    return msgspec.msgpack.encode(snapshot)


def decode_snapshot(data: bytes) -> Snapshot:
    """Raises msgspec.MsgspecError when the bytes are not a snapshot."""
    return msgspec.msgpack.decode(data, type=Snapshot)
