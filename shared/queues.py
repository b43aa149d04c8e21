"""Redis's one door, and RQ's: how to connect, and how to ask for work.

There is one queue, `pipeline`, and each worker listens to it alone: with two queues RQ pops a job
in a way that loses it when the worker dies at that moment. Jobs carry no data of events: they wake
a worker, which finds its work in the inbox or the tables.
"""

import socket
from contextlib import suppress
from typing import Any, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel
from rq import Queue
from rq.timeouts import BaseTimeoutException as JobTimeout
from rq.utils import utcparse
from rq.worker_registration import get_keys as worker_keys

from shared.sentinel_url import SentinelUrl, is_sentinel_url, parse_sentinel_url

__all__ = [
    "AsyncPipeline",
    "AsyncRedis",
    "JobTimeout",
    "NoScriptError",
    "Pipeline",
    "Redis",
    "RedisError",
    "ResponseError",
    "StreamEntries",
    "close_ingest",
    "connect",
    "connect_ingest",
    "connect_rq",
    "enqueue",
    "follow_primary",
    "jobs_by_state",
    "stream_entries",
    "waiting_jobs",
    "workers_by_state",
]

StreamEntries = list[tuple[bytes, dict[bytes, bytes]]]

QUEUE = "pipeline"
WORKER_STATES = ("busy", "idle")
_CONNECT_SECONDS_MAX = 2.0
_ANSWER_SECONDS_MAX = 10.0
_SENTINEL_SECONDS_MAX = 0.5  # one that is cut off is asked no longer than this before the next
# A host that is cut off is noticed in seconds also where a worker waits for its next job, which it
# does for half a minute at a time. The numbers of Linux; elsewhere those that there are.
_LOST_HOST = {
    "TCP_KEEPIDLE": 5,
    "TCP_KEEPINTVL": 2,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 5000,
}
_JOB_SECONDS_MAX = 60
_LONG_JOB_SECONDS_MAX = {"count": 300}  # a day of an app may hold millions of events
_QUEUED_SECONDS_MAX = 300
_RESULT_SECONDS = 60  # never 0: RQ 3 then runs a recovered job again and again
_FAILURE_SECONDS = 86_400


def connect(url: str) -> Redis:
    """For workers and people: waits for a slow Redis, gives up in seconds on a dead one."""
    return _open(url, {"socket_timeout": _ANSWER_SECONDS_MAX, "retry": _never()})


def connect_rq(url: str) -> Redis:
    """For RQ's own work, which is at least once: repeats what fails, so as to outlast a failover.

    RQ sets how long it waits for an answer.
    """
    return _open(url, {})


def connect_ingest(url: str, answer_ms_max: int) -> AsyncRedis:
    """For ingest: fails fast and never repeats a write by itself, which would store it twice."""
    seconds_max = answer_ms_max / 1000
    options: dict[str, Any] = {
        "socket_connect_timeout": seconds_max,
        "socket_timeout": seconds_max,
        "retry": _never(),
    }
    if not is_sentinel_url(url):
        return AsyncRedis.from_url(url, **options)
    address = parse_sentinel_url(url)
    sentinels = AsyncSentinel(  # type: ignore[no-untyped-call]
        address.sentinels, sentinel_kwargs=_sentinel_options(address), **options
    )
    return cast("AsyncRedis", sentinels.master_for(address.name, **_redis_options(address)))


async def follow_primary(redis: AsyncRedis) -> None:
    """Leave a primary that Sentinel has replaced: for 8 s nobody tells it, and it takes events that
    will be lost. Without Sentinel, or where none answers, nothing changes."""
    if isinstance(redis.connection_pool, SentinelConnectionPool):
        with suppress(RedisError):
            await redis.connection_pool.get_master_address()  # type: ignore[no-untyped-call]


async def close_ingest(redis: AsyncRedis) -> None:
    """Also what was opened to the Sentinels, which a client of theirs leaves open."""
    await redis.aclose()
    if isinstance(redis.connection_pool, SentinelConnectionPool):
        for sentinel in redis.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _open(url: str, options: dict[str, Any]) -> Redis:
    options = {"socket_connect_timeout": _CONNECT_SECONDS_MAX, **options}
    if url.startswith("unix:"):
        return Redis.from_url(url, **options)
    options |= {"socket_keepalive": True, "socket_keepalive_options": _keepalive()}
    if not is_sentinel_url(url):
        return Redis.from_url(url, **options)
    address = parse_sentinel_url(url)
    sentinels = Sentinel(  # type: ignore[no-untyped-call]
        address.sentinels, sentinel_kwargs=_sentinel_options(address), **options
    )
    primary = sentinels.master_for(  # type: ignore[no-untyped-call]
        address.name, **_redis_options(address)
    )
    return cast("Redis", primary)


def _redis_options(address: SentinelUrl) -> dict[str, Any]:
    return {
        "db": address.database,
        "username": address.username,
        "password": address.password,
        "ssl": address.is_tls,
    }


def _sentinel_options(address: SentinelUrl) -> dict[str, Any]:
    return {
        "socket_connect_timeout": _SENTINEL_SECONDS_MAX,
        "socket_timeout": _SENTINEL_SECONDS_MAX,
        "retry": _never(),
        "username": address.sentinel_username,
        "password": address.sentinel_password,
        "ssl": address.is_tls,
    }


def _keepalive() -> dict[int, int]:
    numbers = {name: getattr(socket, name, None) for name in _LOST_HOST}
    return {number: _LOST_HOST[name] for name, number in numbers.items() if number is not None}


def _never() -> Retry:
    return Retry(NoBackoff(), 0)


def enqueue(redis: Redis, job: str) -> None:
    """Ask for one run of `workers.jobs.<job>`. Its name is all that the dashboard and logs see."""
    _queue(redis).enqueue(
        f"workers.jobs.{job}",
        description=job,
        job_timeout=_LONG_JOB_SECONDS_MAX.get(job, _JOB_SECONDS_MAX),
        ttl=_QUEUED_SECONDS_MAX,
        result_ttl=_RESULT_SECONDS,
        failure_ttl=_FAILURE_SECONDS,
    )


def stream_entries(reply: Any) -> StreamEntries:
    """A stream's answer as it is here: connections never decode, an empty answer may be None."""
    return cast("StreamEntries", reply or [])


def waiting_jobs(redis: Redis) -> int:
    """Jobs that no worker has taken yet."""
    return int(_queue(redis).count)


def jobs_by_state(redis: Redis) -> dict[str, int]:
    """Counts without a side effect: RQ's own `count` of a registry runs its clean-up as well."""
    queue = _queue(redis)
    registries = {
        "started": queue.started_job_registry,
        "finished": queue.finished_job_registry,
        "failed": queue.failed_job_registry,
    }
    counts = {state: each.get_job_count(cleanup=False) for state, each in registries.items()}
    return {"queued": int(queue.count), **counts}


def workers_by_state(redis: Redis, now_ms: int, silent_ms_max: int) -> dict[str, int]:
    """How many workers gave a sign of life lately: RQ keeps a dead one's name for minutes."""
    keys = worker_keys(queue=_queue(redis))
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.hmget(key, "state", "last_heartbeat")
        found = cast("list[list[bytes | None]]", pipeline.execute())
    counts = dict.fromkeys(WORKER_STATES, 0)
    for state, heartbeat in found:
        if heartbeat is None or now_ms - _unix_ms(heartbeat) > silent_ms_max:
            continue
        counts["busy" if state == b"busy" else "idle"] += 1
    return counts


def _unix_ms(heartbeat: bytes) -> int:
    return int(utcparse(heartbeat.decode()).timestamp() * 1000)


def _queue(redis: Redis) -> Queue:
    return Queue(QUEUE, connection=redis, serializer="json")
