"""Whether Redis keeps what it confirms: a 200 promises that the event is on disk, and on those of
as many replicas as the settings ask for."""

from collections.abc import Mapping
from typing import Any

from shared.redis import AsyncRedis, ResponseError
from shared.settings import REPLICAS_MAX

_REQUIRED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}

# A replica confirms once a second what it has; one that was cut off stays "online" for a minute.
_LAG_SECONDS_MAX = 2


async def durability_faults(redis: AsyncRedis, replicas_min: int = 0) -> list[str]:
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
    if replicas_min:
        faults += _replication_faults(await redis.info("replication"), replicas_min)
    return faults


def _replication_faults(replication: Mapping[str, Any], replicas_min: int) -> list[str]:
    listed = [replication.get(f"slave{number}") for number in range(REPLICAS_MAX)]
    following = sum(
        replica["state"] == "online" and int(replica["lag"]) <= _LAG_SECONDS_MAX
        for replica in listed
        if replica is not None
    )
    if following >= replicas_min:
        return []
    fault = (
        f"Redis has {following} replicas that follow it; "
        f"WAYBILL_REPLICAS_MIN asks for {replicas_min}."
    )
    return [fault]


async def _setting(redis: AsyncRedis, name: str) -> str:
    found = await redis.config_get(name)
    return str(found.get(name))
