"""Reports the digests of tokens under the new installation key: from ingest to the tables.

Only a sender has its token, so its digest under a new key can be computed when it is used. Ingest
writes it to Redis, beside the last use; upkeep moves it to the table. Each carries a tag under the
new key: whoever can only write to Redis cannot end a token with it.
"""

import hmac
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any, cast

from shared.redis import AsyncPipeline, Pipeline, Redis
from shared.shards.shard_names import ShardNames

_DIGEST_BYTES = 32


def rehash_commands(
    pipeline: AsyncPipeline | Pipeline,
    names: ShardNames,
    secret_key: bytes,
    digests: Mapping[int, bytes],
) -> None:
    """Queues the command that reports new digests, by token id."""
    if digests:
        reports: dict[Any, Any] = {
            str(token_id): digest + _tag(secret_key, token_id, digest)
            for token_id, digest in digests.items()
        }
        pipeline.hset(names.tokens_rehashed, mapping=reports)


def rehashed_tokens(redis: Redis, secret_key: bytes) -> dict[int, bytes]:
    """Reads the reported digests by token id, but those that this key has not tagged."""
    reports = cast("dict[bytes, bytes]", redis.hgetall(redis.names.tokens_rehashed))
    digests = {int(token_id): report[:_DIGEST_BYTES] for token_id, report in reports.items()}
    return {
        token_id: digest
        for token_id, digest in digests.items()
        if hmac.compare_digest(
            _tag(secret_key, token_id, digest), reports[b"%d" % token_id][_DIGEST_BYTES:]
        )
    }


def delete_reports(redis: Redis, token_ids: Collection[int]) -> None:
    """Deletes the reports of these tokens; one that comes meanwhile has the same digest."""
    if token_ids:
        redis.hdel(redis.names.tokens_rehashed, *map(str, token_ids))


def _tag(secret_key: bytes, token_id: int, digest: bytes) -> bytes:
    return hmac.digest(secret_key, b"waybill rehashed %d " % token_id + digest, sha256)
