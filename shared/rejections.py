"""The rejection log: the last refused requests, so that a sender's mistake can be seen.

A capped stream in Redis. It is beside the pipeline, never in it: the stream may lose its oldest
entries, and the counts by reason are what stays. Secrets are masked before an entry is made.
"""

from typing import cast

import msgspec

from shared.queues import Redis, stream_entries

REJECTIONS_KEY = "waybill:rejections"
REJECTION_COUNTS_KEY = "waybill:rejections:counts"
CLICK_LOST = "click_lost"  # the one entry that is no refusal: sent on, but its click was not kept


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
