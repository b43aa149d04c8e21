"""Loads the parts of the snapshot that this process does not hold, a few at a time.

A whole snapshot of 10,000 apps with 100,000 links took 400 ms to decode, in which no request was
answered. Decoding a part takes less than a millisecond, and between some of them others get their
turn; what is in force is replaced at the end, at once.
"""

import asyncio
from typing import Any, cast

import msgspec

from shared.redis import AsyncRedis
from shared.shards.snapshot_parts import (
    DIGEST_BYTES,
    PART_FIELDS,
    SnapshotIndex,
    SnapshotPart,
    decode_index,
    decode_part,
)
from shared.snapshot import Snapshot, decode_snapshot

_AT_ONCE_BYTES_MAX = 64_000  # that are decoded before others get their turn: 2 ms
_AT_ONCE_PARTS = 100  # that are read in one round trip
_ATTEMPTS_MAX = 5


class SnapshotLoader:
    """The snapshot that was loaded last, with its parts by name."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._digests: dict[str, bytes] = {}
        self._parts: dict[str, SnapshotPart] = {}
        self._loading = asyncio.Lock()

    async def load(self, redis: AsyncRedis) -> Snapshot | None:
        """Returns the published snapshot, None if none is. Raises RedisError, MsgspecError."""
        async with self._loading:  # or an older one could replace a newer one
            for _ in range(_ATTEMPTS_MAX):
                index = await _read_index(redis)
                if index is None:  # a program of the version before has published
                    break
                changed = await self._read_parts(redis, index)
                if changed is not None:
                    return await self._take(index, changed)
            # Or it is published more often than it can be read: the whole is one value.
            return await _read_whole(redis)

    async def _read_parts(
        self, redis: AsyncRedis, index: SnapshotIndex
    ) -> dict[str, SnapshotPart] | None:
        """Returns the parts that differ; None if one is of another index by now."""
        wanted = [
            name for name, digest in index.digests.items() if self._digests.get(name) != digest
        ]
        changed: dict[str, SnapshotPart] = {}
        for start in range(0, len(wanted), _AT_ONCE_PARTS):
            page = wanted[start : start + _AT_ONCE_PARTS]
            read = await redis.hmget(redis.names.snapshot_parts, page)
            decoded_bytes = 0
            for name, data in zip(page, cast("list[bytes | None]", read), strict=True):
                if data is None or data[:DIGEST_BYTES] != index.digests[name]:
                    return None
                changed[name] = decode_part(data)
                decoded_bytes += len(data)
                if decoded_bytes > _AT_ONCE_BYTES_MAX:
                    decoded_bytes = 0
                    await asyncio.sleep(0)
        return changed

    async def _take(self, index: SnapshotIndex, changed: dict[str, SnapshotPart]) -> Snapshot:
        """Returns the snapshot of an index, made of the last one and of what has changed."""
        last = self._snapshot or index.common
        made: dict[str, dict[Any, Any]] = {}
        for field in PART_FIELDS:
            made[field] = dict(getattr(last, field))
            await asyncio.sleep(0)  # a copy of 100,000 takes milliseconds
        replaced = [*(self._digests.keys() - index.digests.keys()), *changed]
        # What moves from one part to another goes before it comes.
        for part in [self._parts[name] for name in replaced if name in self._parts]:
            for field in PART_FIELDS:
                for key in getattr(part, field):
                    made[field].pop(key, None)
        for number, part in enumerate(changed.values(), 1):
            for field in PART_FIELDS:
                made[field].update(getattr(part, field))
            if number % _AT_ONCE_PARTS == 0:
                await asyncio.sleep(0)
        for name in replaced:
            self._parts.pop(name, None)
        self._parts |= changed
        self._digests = index.digests
        self._snapshot = msgspec.structs.replace(index.common, **made)
        return self._snapshot


async def _read_index(redis: AsyncRedis) -> SnapshotIndex | None:
    """Returns the index, None if there is none of the version in force."""
    keys = (redis.names.snapshot_version, redis.names.snapshot_index)
    version, data = cast("list[bytes | None]", await redis.mget(keys))
    index = None if data is None else decode_index(data)
    return index if index and version is not None and index.version == int(version) else None


async def _read_whole(redis: AsyncRedis) -> Snapshot | None:
    data = cast("bytes | None", await redis.get(redis.names.snapshot))
    return None if data is None else decode_snapshot(data)
