"""Connects to Redis, directly or through Sentinel: for ingest, workers, the console and RQ.

The only module that imports `redis`; the others take its types from here.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    NoScriptError,
    RedisError,
    ResponseError,
)
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
    "is_refused",
    "open_servers",
    "stream_entries",
]

StreamEntries = list[tuple[bytes, dict[bytes, bytes]]]

_CONNECT_SECONDS_MAX = 2.0
_ANSWER_SECONDS_MAX = 10.0
_SENTINEL_SECONDS_MAX = 0.5  # an unreachable Sentinel is given up after this, for the next one
# An unreachable host is noticed in seconds even while a worker waits for its next job, which it
# does for half a minute at a time. These are Linux's options; other systems get those they have.
_KEEPALIVE = {
    getattr(socket, name): value
    for name, value in {
        "TCP_KEEPIDLE": 5,
        "TCP_KEEPINTVL": 2,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 5000,
    }.items()
    if hasattr(socket, name)
}


def connect(url: str, answer_seconds_max: float = _ANSWER_SECONDS_MAX) -> Redis:
    """Connects workers and the console: tolerates a slow Redis, fails on a dead one in seconds."""
    connect_seconds_max = min(_CONNECT_SECONDS_MAX, answer_seconds_max)
    return _open(
        url,
        {
            "socket_connect_timeout": connect_seconds_max,
            "socket_timeout": answer_seconds_max,
            "retry": _never(),
        },
    )


def connect_rq(url: str) -> Redis:
    """Connects RQ, whose own work is at least once: retries failures, to survive a failover.

    RQ sets how long it waits for a reply.
    """
    return _open(url, {})


@contextmanager
def open_servers(url: str) -> Iterator[list[Redis]]:
    """Connects to each server: the primary, and behind Sentinel its replicas too.

    Raises RedisError if no Sentinel answers.
    """
    with ExitStack() as stack:
        if is_sentinel_url(url):
            address = parse_sentinel_url(url)
            sentinels = Sentinel(  # type: ignore[no-untyped-call]
                address.sentinels, sentinel_kwargs=_sentinel_options(address)
            )
            primary = sentinels.discover_master(address.name)  # type: ignore[no-untyped-call]
            replicas = sentinels.discover_slaves(address.name)  # type: ignore[no-untyped-call]
            options = {**_redis_options(address), "socket_timeout": _ANSWER_SECONDS_MAX}
            found = [
                Redis(host=host, port=port, socket_connect_timeout=_CONNECT_SECONDS_MAX, **options)
                for host, port in (primary, *replicas)
            ]
        else:
            found = [connect(url)]
        for redis in found:
            stack.callback(redis.close)
        yield found


def connect_ingest(url: str, answer_ms_max: int) -> AsyncRedis:
    """Connects ingest: fails fast and never retries a write, which would store it twice."""
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
    """Leaves a primary that Sentinel has replaced.

    The old primary learns of it only after 8 s, and until then accepts events that will be lost.
    Without Sentinel, or if no Sentinel answers, nothing changes.
    """
    if isinstance(redis.connection_pool, SentinelConnectionPool):
        with suppress(RedisError):
            await redis.connection_pool.get_master_address()  # type: ignore[no-untyped-call]


async def close_ingest(redis: AsyncRedis) -> None:
    """Closes a client and its connections to the Sentinels, which the client itself leaves open."""
    await redis.aclose()
    if isinstance(redis.connection_pool, SentinelConnectionPool):
        for sentinel in redis.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _open(url: str, options: dict[str, Any]) -> Redis:
    options = {"socket_connect_timeout": _CONNECT_SECONDS_MAX, **options}
    if url.startswith("unix:"):
        return Redis.from_url(url, **options)
    options |= {"socket_keepalive": True, "socket_keepalive_options": _KEEPALIVE}
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


def _never() -> Retry:
    return Retry(NoBackoff(), 0)


def is_refused(error: RedisError) -> bool:
    """Tells whether Redis answers, but not to this user or password."""
    return isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError)


def stream_entries(reply: Any) -> StreamEntries:
    """Returns a stream's reply with its type: nothing is decoded, and an empty one may be None."""
    return cast("StreamEntries", reply or [])
