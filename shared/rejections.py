"""Stores and reads the rejection log: the last refused requests, which show senders' mistakes.

It is a capped stream in Redis, beside the pipeline and never part of it: the stream loses its
oldest entries, while the counts by reason stay. Secrets are masked before an entry is written.

Beside it, requests with invalid tokens are counted by the addresses that keep sending them.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import cast

import msgspec

from shared.redis import AsyncPipeline, Pipeline, Redis, stream_entries
from shared.shards.shard_names import ShardNames

CLICK_LOST = "click_lost"  # the one entry that is no refusal: redirected, but not stored

BAD_TOKEN_ADDRESSES_MAX = 1000
BAD_TOKEN_SECONDS = 86_400  # since the first of them; then all counts start again


class Rejection(msgspec.Struct, frozen=True):
    """A refused request. `parameters` are as sent, but shortened and with secrets masked."""

    at_ms: int
    endpoint: str
    method: str
    status: int
    code: str
    field: str | None
    app_id: int | None
    parameters: dict[str, str]


def encode_rejection(rejection: Rejection) -> bytes:
    """Encodes an entry of the stream."""
    return msgspec.json.encode(rejection)


def recent_rejections(redis: Redis, count: int) -> list[Rejection]:
    """Reads the last refused requests, newest first."""
    entries = stream_entries(redis.xrevrange(redis.names.rejections, count=count))
    return [msgspec.json.decode(fields[b"r"], type=Rejection) for _, fields in entries]


def app_of(entry: bytes) -> int | None:
    """Returns the app of an encoded entry; None if it has none, or is of another version."""
    with suppress(msgspec.MsgspecError):
        return msgspec.json.decode(entry, type=Rejection).app_id
    return None


def rejections_since(redis: Redis, since_ms: int) -> Iterator[Rejection]:
    """Yields the refused requests since a time, oldest first; the log is capped."""
    for _, fields in stream_entries(redis.xrange(redis.names.rejections, min=str(since_ms))):
        with suppress(msgspec.MsgspecError):  # of another version
            yield msgspec.json.decode(fields[b"r"], type=Rejection)


def delete_rejections(redis: Redis, borders: Mapping[int, int]) -> int:
    """Deletes entries before the time of their app, in Unix milliseconds; returns their number."""
    if not borders:
        return 0
    found = []
    for entry_id, fields in stream_entries(redis.xrange(redis.names.rejections)):
        rejection = msgspec.json.decode(fields[b"r"], type=Rejection)
        border_ms = None if rejection.app_id is None else borders.get(rejection.app_id)
        if border_ms is not None and rejection.at_ms < border_ms:
            found.append(entry_id)
    if found:
        redis.xdel(redis.names.rejections, *found)
    return len(found)


def rejection_counts(redis: Redis) -> dict[str, int]:
    """Reads the number of all requests ever refused, by code."""
    counts = cast("dict[bytes, bytes]", redis.hgetall(redis.names.rejection_counts))
    return {code.decode(): int(count) for code, count in counts.items()}


def bad_token_commands(
    pipeline: AsyncPipeline | Pipeline, names: ShardNames, counts: Mapping[str, int]
) -> None:
    """Queues the commands that add requests with bad tokens, by address, and keep the worst."""
    if not counts:
        return
    for address, count in counts.items():
        pipeline.zincrby(names.bad_tokens, count, address)
    pipeline.zremrangebyrank(names.bad_tokens, 0, -BAD_TOKEN_ADDRESSES_MAX - 1)
    pipeline.expire(names.bad_tokens, BAD_TOKEN_SECONDS, nx=True)


def bad_token_addresses(redis: Redis, count: int) -> dict[str, int]:
    """Reads the number of requests with a bad token within a day, by address, highest first."""
    reply = redis.zrevrange(redis.names.bad_tokens, 0, count - 1, withscores=True)
    worst = cast("list[tuple[bytes, float]]", reply)
    return {address.decode(): int(requests) for address, requests in worst}
