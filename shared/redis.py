"""Connects to Redis: directly or through Sentinel, for ingest, for workers and people, and for RQ.

The only module that imports `redis`; the others take its types from here.
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

from shared.sentinel_url import SentinelUrl, is_sentinel_url, parse_sentinel_url

__all__ = [
    "AsyncPipeline",
    "AsyncRedis",
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
    "follow_primary",
    "stream_entries",
]

StreamEntries = list[tuple[bytes, dict[bytes, bytes]]]

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


def stream_entries(reply: Any) -> StreamEntries:
    """A stream's answer as it is here: connections never decode, an empty answer may be None."""
    return cast("StreamEntries", reply or [])
