"""Shares limits between the processes, by the demand that each of them met in the last second.

Each second a process adds its demand to that of the others, where it is a tenth of a limit or more,
and reads the sum of the second before. Where that is beyond the limit, it takes the share of the
limit that it had of the demand. When a flood begins each process has the whole limit for two
seconds, and below a tenth of a limit ten processes cannot pass it together. Bytes of a day are
added up.
"""

import asyncio

from ingest.rate_limits.limiter import RateLimiter, RateName, limit_of
from shared.clock import Clock
from shared.redis import AsyncRedis, RedisError

_PERIOD_SECONDS = 1.0
_PUBLISHED_PART = 0.1  # of a limit
_DEMAND_SECONDS = 10  # for which a second's demand is kept
_DAY_SECONDS = 2 * 86_400
_SHARE_MIN = 0.001


class RateUsage:
    """The usage of this process, added to that of the others."""

    def __init__(self, limiter: RateLimiter, redis: AsyncRedis, now: Clock) -> None:
        self._limiter = limiter
        self._redis = redis
        self._now = now
        self._published: dict[RateName, float] = {}  # a second ago

    async def run(self) -> None:
        """Publishes and reads until cancelled."""
        while True:
            await asyncio.sleep(_PERIOD_SECONDS)
            await self.publish()

    async def publish(self) -> None:
        """Publishes the usage of this process, and takes its shares; without Redis they stay."""
        demands = self._take_demands()
        before, self._published = self._published, demands
        used = self._limiter.days.items()
        days = {RateName(*key): use for key, use in used if use.own_bytes}
        sent = [use.own_bytes for use in days.values()]
        second, names = self._now() // 1000, self._redis.names
        if not demands and not days:
            return
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for name in demands:
                    pipeline.hget(names.demand(second - 1), _field(name))
                for (name, use), own_bytes in zip(days.items(), sent, strict=True):
                    pipeline.hincrby(names.accepted_bytes(use.day), _field(name), own_bytes)
                for name, demand in demands.items():
                    pipeline.hincrbyfloat(names.demand(second), _field(name), demand)
                pipeline.expire(names.demand(second), _DEMAND_SECONDS)
                for use in days.values():
                    pipeline.expire(names.accepted_bytes(use.day), _DAY_SECONDS)
                replies = iter(await pipeline.execute())
        except (RedisError, OSError):
            return
        for name in demands:
            self._take_share(name, before.get(name, 0.0), float(next(replies) or 0))
        for use, own_bytes in zip(days.values(), sent, strict=True):
            use.own_bytes -= own_bytes
            use.published_bytes = int(next(replies))

    def _take_demands(self) -> dict[RateName, float]:
        """Takes the demand since the last time, where the others have to know it."""
        demands: dict[RateName, float] = {}
        for key, rate in self._limiter.rates.items():
            name = RateName(*key)
            per_second_max = limit_of(self._limiter.limits_of(name.app_id), name)
            if per_second_max and rate.demand >= per_second_max * _PUBLISHED_PART:
                demands[name] = rate.demand
            else:
                rate.share = 1.0
            rate.demand = 0.0
        return demands

    def _take_share(self, name: RateName, own: float, total: float) -> None:
        """Takes this process's share of a limit, by its own part of the demand of all."""
        rate = self._limiter.rates.get(name)
        per_second_max = limit_of(self._limiter.limits_of(name.app_id), name)
        if rate is not None:
            is_beyond = total > per_second_max and own > 0
            rate.share = min(1.0, max(_SHARE_MIN, own / total)) if is_beyond else 1.0


def _field(name: RateName) -> str:
    return f"{name.app_id}:{name.limit}:{name.subject}"
