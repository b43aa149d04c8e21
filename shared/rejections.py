"""The rejection log: the last refused requests, so that a sender's mistake can be seen.

A capped stream in Redis. It is beside the pipeline, never in it: the stream may lose its oldest
entries, and the counts by reason are what stays. Secrets are masked before an entry is made.

Beside it, the addresses that keep sending tokens which are not valid, counted.
"""

from collections.abc import Mapping
from typing import cast

import msgspec

from shared.redis import AsyncPipeline, Pipeline, Redis, stream_entries

REJECTIONS_KEY = "waybill:rejections"
REJECTION_COUNTS_KEY = "waybill:rejections:counts"
CLICK_LOST = "click_lost"  # the one entry that is no refusal: sent on, but its click was not kept

BAD_TOKENS_KEY = "waybill:bad_tokens"  # a sorted set: addresses by their count
BAD_TOKEN_ADDRESSES_MAX = 1000
BAD_TOKEN_SECONDS = 86_400  # since the first of them; then all counts begin anew


class Rejection(msgspec.Struct, frozen=True):
    """One refused request. `parameters` as sent, shortened, its secrets masked."""

    at_ms: int
    endpoint: str
    method: str
    status: int
    code: str
    field: str | None
    app_id: int | None
    parameters: dict[str, str]


def encode_rejection(rejection: Rejection) -> bytes:
    return msgspec.json.encode(rejection)


def recent_rejections(redis: Redis, count: int) -> list[Rejection]:
    """Newest first."""
    entries = stream_entries(redis.xrevrange(REJECTIONS_KEY, count=count))
    return [msgspec.json.decode(fields[b"r"], type=Rejection) for _, fields in entries]


def rejection_counts(redis: Redis) -> dict[str, int]:
    """How many requests were ever refused, by code."""
    counts = cast("dict[bytes, bytes]", redis.hgetall(REJECTION_COUNTS_KEY))
    return {code.decode(): int(count) for code, count in counts.items()}


def bad_token_commands(pipeline: AsyncPipeline | Pipeline, counts: Mapping[str, int]) -> None:
    """Queue what adds these requests with bad tokens, by address; the worst addresses are kept."""
    if not counts:
        return
    for address, count in counts.items():
        pipeline.zincrby(BAD_TOKENS_KEY, count, address)
    pipeline.zremrangebyrank(BAD_TOKENS_KEY, 0, -BAD_TOKEN_ADDRESSES_MAX - 1)
    pipeline.expire(BAD_TOKENS_KEY, BAD_TOKEN_SECONDS, nx=True)


def bad_token_addresses(redis: Redis, count: int) -> dict[str, int]:
    """Requests with a bad token within a day, by address, most first."""
    found = redis.zrevrange(BAD_TOKENS_KEY, 0, count - 1, withscores=True)
    worst = cast("list[tuple[bytes, float]]", found)
    return {address.decode(): int(requests) for address, requests in worst}
