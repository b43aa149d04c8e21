"""Checks whether Redis keeps what it confirms.

A 200 promises that the event is on disk, and on the disks of as many replicas as the settings ask
for.
"""

from shared.redis import AsyncRedis, ResponseError
from shared.settings import REPLICAS_MAX

_REQUIRED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}

# A replica acknowledges once a second; one that was cut off stays "online" for a minute.
_LAG_SECONDS_MAX = 2


async def durability_problems(redis: AsyncRedis, replicas_min: int = 0) -> list[str]:
    """Lists what keeps this Redis from the promise, one sentence each. Raises RedisError."""
    try:
        settings = {name: str((await redis.config_get(name)).get(name)) for name in _REQUIRED}
    except ResponseError:
        return ["Redis does not allow CONFIG GET, so its configuration cannot be checked."]
    problems = [
        f"Redis runs with {name} {settings[name]}; it must be {value}."
        for name, value in _REQUIRED.items()
        if settings[name] != value
    ]
    if (await redis.info("persistence")).get("aof_last_write_status", "ok") != "ok":
        problems.append("Redis cannot write its append-only file; see its log.")
    if replicas_min:
        replication = await redis.info("replication")
        replicas = [replication.get(f"slave{number}") for number in range(REPLICAS_MAX)]
        following = sum(
            replica["state"] == "online" and int(replica["lag"]) <= _LAG_SECONDS_MAX
            for replica in replicas
            if replica is not None
        )
        if following < replicas_min:
            problems.append(
                f"Redis has {following} replicas that follow it; "
                f"WAYBILL_REPLICAS_MIN asks for {replicas_min}."
            )
    return problems
