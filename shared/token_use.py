"""Records when each token was last used: ingest writes it to Redis, upkeep copies it every minute.

So a request costs no write to PostgreSQL. If Redis loses its data, at most the last minute is lost.
"""

from collections.abc import Mapping
from typing import Any, cast

from shared.redis import AsyncPipeline, Pipeline, Redis
from shared.shards.shard_names import ShardNames

# Deletes what has not changed since it was copied. ARGV: token id, milliseconds, and so on.
_DELETE = """
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
"""


def use_commands(
    pipeline: AsyncPipeline | Pipeline, names: ShardNames, used_at_ms: Mapping[int, int]
) -> None:
    """Queues the command that records the last use of these tokens, by token id."""
    if used_at_ms:
        uses: dict[Any, Any] = {str(token): at for token, at in used_at_ms.items()}
        pipeline.hset(names.tokens_used, mapping=uses)


def tokens_used(redis: Redis) -> dict[int, int]:
    """Reads the recorded uses, copied or not: Unix milliseconds by token id."""
    uses = cast("dict[bytes, bytes]", redis.hgetall(redis.names.tokens_used))
    return {int(token): int(at_ms) for token, at_ms in uses.items()}


def delete_copied_use(redis: Redis, copied: Mapping[int, int]) -> None:
    """Deletes uses that were copied, except those of a token that was used again meanwhile."""
    if copied:
        arguments = [str(part) for item in copied.items() for part in item]
        redis.register_script(_DELETE)(keys=(redis.names.tokens_used,), args=arguments)
