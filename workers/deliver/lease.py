"""A lease in Redis: which worker delivers callbacks at the moment."""

from shared.redis import Redis, RedisError

LEASE_MS = 5_000

# Extends a lease that is one's own, or takes one that nobody holds.
_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


class Lease:
    """Held by one process; `holder` is its name and nobody else's."""

    def __init__(self, redis: Redis, holder: str) -> None:
        self._redis = redis
        self._key = redis.names.deliver_lease
        self._holder = holder

    def hold(self) -> bool:
        """Takes or extends the lease. False: another holds it, or Redis does not answer."""
        try:
            return bool(self._redis.eval(_HOLD, 1, self._key, self._holder, LEASE_MS))
        except RedisError:
            return False

    def release(self) -> None:
        """Lets others take it at once."""
        try:
            self._redis.eval(_RELEASE, 1, self._key, self._holder)
        except RedisError:
            return  # it lapses by itself
