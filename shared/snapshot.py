"""The snapshot: who may send, as ingest holds it in memory.

Apps, tokens and links live in PostgreSQL; ingest lives on Redis alone. So each change publishes
everything that ingest needs as one value with a version (`shared.publishing`).
"""

from typing import NamedTuple

import msgspec

from shared.events import Environment

SNAPSHOT_KEY = "waybill:snapshot"
VERSION_KEY = "waybill:snapshot:version"


NO_TOKEN = 0  # instead of a token's id, where a partner's link let a click in


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """What a token allows: events of one app in one environment."""

    token_id: int
    app_id: int
    environment: Environment


class LinkKey(NamedTuple):
    """What a click names its link by."""

    offer_id: str
    pub_id: str


class Link(msgspec.Struct, frozen=True, array_like=True):
    """A partner's tracking link: clicks on it need no token. `destination` may hold macros."""

    link_id: int
    app_id: int
    destination: str


class Snapshot(msgspec.Struct, frozen=True):
    """`grants` by token digest; `key_check` shows under which installation key they were made."""

    version: int
    key_check: bytes
    grants: dict[bytes, Grant]
    links: dict[LinkKey, Link] = {}


def encode_snapshot(snapshot: Snapshot) -> bytes:
    return msgspec.msgpack.encode(snapshot)


def decode_snapshot(data: bytes) -> Snapshot:
    """Raises msgspec.MsgspecError when the bytes are not a snapshot."""
    return msgspec.msgpack.decode(data, type=Snapshot)
