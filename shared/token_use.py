"""When each token was last used: noted in Redis by ingest, copied into the tables every minute.

So a request costs no write to PostgreSQL. Lost with Redis is at most the last minute.
"""

from collections.abc import Mapping
from typing import cast

from shared.redis import AsyncPipeline, Pipeline, Redis

TOKENS_USED_KEY = "waybill:tokens:used"  # a hash: token id, Unix milliseconds

# Forgets what has not changed since it was copied. ARGV: token id, milliseconds, and so on.
_FORGET = """
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
"""


def use_commands(pipeline: AsyncPipeline | Pipeline, used_at_ms: Mapping[int, int]) -> None:
    """Queue what notes the last use of these tokens, by token id."""
    if used_at_ms:
        pipeline.hset(TOKENS_USED_KEY, mapping={str(token): at for token, at in used_at_ms.items()})


def tokens_used(redis: Redis) -> dict[int, int]:
    """What is noted and perhaps not copied yet: Unix milliseconds by token id."""
    found = cast("dict[bytes, bytes]", redis.hgetall(TOKENS_USED_KEY))
    return {int(token): int(at_ms) for token, at_ms in found.items()}


def forget_use(redis: Redis, copied: Mapping[int, int]) -> None:
    """Drop what was copied, except what was noted anew meanwhile."""
    if copied:
        arguments = [str(part) for item in copied.items() for part in item]
        redis.register_script(_FORGET)(keys=(TOKENS_USED_KEY,), args=arguments)
