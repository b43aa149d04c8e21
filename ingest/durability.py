"""Whether Redis keeps what it confirms: a 200 promises that the event is on disk."""

from shared.queues import AsyncRedis, ResponseError

_REQUIRED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


async def durability_faults(redis: AsyncRedis) -> list[str]:
    """What stands between this Redis and the promise, one sentence each. Raises RedisError."""
    try:
        settings = {name: await _setting(redis, name) for name in _REQUIRED}
    except ResponseError:
        return ["Redis does not let its configuration be read (CONFIG GET)."]
    faults = [
        f"Redis runs with {name} {settings[name]}; it must be {value}."
        for name, value in _REQUIRED.items()
        if settings[name] != value
    ]
    if (await redis.info("persistence")).get("aof_last_write_status", "ok") != "ok":
        faults.append("Redis cannot write its append-only file; see its log.")
    return faults


async def _setting(redis: AsyncRedis, name: str) -> str:
    found = await redis.config_get(name)
    return str(found.get(name))
