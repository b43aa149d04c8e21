"""Publishes the snapshot in parts, of which a change writes and sends only those that differ.

A part holds some tokens and links of one app, about PART_ITEMS of them, so that no part takes long
to decode. The index names the parts by their digests, and has what concerns all apps. A reader that
holds a part of this digest needs no other. Whole snapshots are published too, for one version more:
ingest of the version before reads no parts.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, cast
from zlib import crc32

import msgspec

from shared.redis import Redis
from shared.snapshot import Grant, KnownApp, KnownLink, LinkKey, Snapshot, encode_snapshot

PART_ITEMS = 256  # tokens and links of an app in one part, on average: 0.3 ms to decode
DIGEST_BYTES = 8
_WRITTEN_AT_ONCE = 500


class SnapshotPart(msgspec.Struct, array_like=True):
    """What a part holds of one app: grants and links by their keys, in the first part the app."""

    grants: dict[bytes, Grant] = {}
    inactive: dict[bytes, Grant] = {}
    links: dict[LinkKey, KnownLink] = {}
    apps: dict[str, KnownApp] = {}


PART_FIELDS = SnapshotPart.__struct_fields__


class SnapshotIndex(msgspec.Struct, frozen=True):
    """The digests of all parts by name, and a snapshot without what is in parts."""

    common: Snapshot
    digests: dict[str, bytes]

    @property
    def version(self) -> int:
        return self.common.version


class SplitSnapshot(msgspec.Struct, frozen=True):
    """An index, its parts as Redis holds them (the digest, then what it is of), and the whole."""

    index: SnapshotIndex
    parts: dict[str, bytes]
    whole: Snapshot


def split(snapshot: Snapshot) -> SplitSnapshot:
    """Splits a snapshot. The same content of an app always gives the same parts."""
    counts: dict[int, int] = {}
    for items in (snapshot.grants, snapshot.inactive, snapshot.links):
        for item in items.values():
            counts[item.app_id] = counts.get(item.app_id, 0) + 1
    parts: dict[str, SnapshotPart] = {}

    def part(app_id: int, key: bytes) -> SnapshotPart:
        # Powers of two: an app that grows is seldom distributed anew.
        number_max = 1 << (counts.get(app_id, 0) // PART_ITEMS).bit_length()
        return parts.setdefault(f"{app_id}:{crc32(key) % number_max}", SnapshotPart())

    for digest, grant in snapshot.grants.items():
        part(grant.app_id, digest).grants[digest] = grant
    for digest, grant in snapshot.inactive.items():
        part(grant.app_id, digest).inactive[digest] = grant
    for link_key, link in snapshot.links.items():
        part(link.app_id, repr(link_key).encode()).links[link_key] = link
    for app_token, app in snapshot.apps.items():
        part(app.app_id, b"").apps[app_token] = app
    encoded = {name: _with_digest(msgspec.msgpack.encode(each)) for name, each in parts.items()}
    common = msgspec.structs.replace(snapshot, **{field: {} for field in PART_FIELDS})
    digests = {name: data[:DIGEST_BYTES] for name, data in encoded.items()}
    return SplitSnapshot(SnapshotIndex(common, digests), encoded, snapshot)


def _with_digest(part: bytes) -> bytes:
    return blake2b(part, digest_size=DIGEST_BYTES).digest() + part


def decode_index(data: bytes) -> SnapshotIndex:
    """Decodes an index. Raises msgspec.MsgspecError if the bytes are not one."""
    return msgspec.msgpack.decode(data, type=SnapshotIndex)


def decode_part(data: bytes) -> SnapshotPart:
    """Decodes a part behind its digest. Raises msgspec.MsgspecError if the bytes are not one."""
    return msgspec.msgpack.decode(memoryview(data)[DIGEST_BYTES:], type=SnapshotPart)


def published_index(redis: Redis) -> SnapshotIndex | None:
    """Reads the index in Redis; None if it is missing, or not of the version that is in force."""
    names = redis.names
    version, data = cast(
        "list[bytes | None]", redis.mget(names.snapshot_version, names.snapshot_index)
    )
    if version is None or data is None or not redis.exists(names.snapshot):
        return None
    try:
        index = decode_index(data)
    except msgspec.MsgspecError:
        return None
    return index if index.version == int(version) else None


def write_snapshot(redis: Redis, published: SplitSnapshot) -> None:
    """Publishes a snapshot, in one transaction: what differs of its parts, the index, the whole."""
    names, index, parts = redis.names, published.index, published.parts
    known = _known_digests(redis)
    changed = {name: part for name, part in parts.items() if known.get(name) != part[:DIGEST_BYTES]}
    with redis.pipeline(transaction=True) as pipeline:
        if not known:
            pipeline.delete(names.snapshot_parts)
        for mapping in _slices(changed):
            pipeline.hset(names.snapshot_parts, mapping=mapping)
        if gone := known.keys() - parts.keys():
            pipeline.hdel(names.snapshot_parts, *gone)
        pipeline.mset(
            {
                names.snapshot_index: msgspec.msgpack.encode(index),
                names.snapshot: encode_snapshot(
                    msgspec.structs.replace(published.whole, version=index.version)
                ),
                names.snapshot_version: index.version,
            }
        )
        pipeline.execute()


def with_version(index: SnapshotIndex, version: int) -> SnapshotIndex:
    """Returns an index of the same content under a version."""
    common = msgspec.structs.replace(index.common, version=version)
    return SnapshotIndex(common, index.digests)


def _known_digests(redis: Redis) -> Mapping[str, bytes]:
    """Returns the digests of the parts in Redis. They change with the index, and only with it."""
    data = cast("bytes | None", redis.get(redis.names.snapshot_index))
    if data is None or not redis.exists(redis.names.snapshot_parts):
        return {}
    try:
        return decode_index(data).digests
    except msgspec.MsgspecError:  # of another version
        return {}


def _slices(parts: Mapping[str, bytes]) -> Iterator[dict[Any, Any]]:
    items = list(parts.items())
    for start in range(0, len(items), _WRITTEN_AT_ONCE):
        yield dict(items[start : start + _WRITTEN_AT_ONCE])
