"""Connects to Redis, directly, through Sentinel or in a cluster: for ingest, workers, console, RQ.

Beside `shared.shards.slot_pool` the only module that imports `redis`; the others take its types
from here.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, cast

from redis import Redis as PlainRedis
from redis.asyncio import Redis as PlainAsyncRedis
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
from shared.shards.cluster_url import ClusterUrl, is_cluster_url, parse_cluster_url
from shared.shards.shard_names import ShardNames
from shared.shards.slot_pool import (
    AsyncSlotNodes,
    PrimaryConnection,
    SlotMoved,
    SlotNodes,
    SslPrimaryConnection,
    all_nodes,
    async_slot_pool,
    slot_pool,
)

__all__ = [
    "AsyncPipeline",
    "AsyncRedis",
    "NoScriptError",
    "Pipeline",
    "Redis",
    "RedisError",
    "ResponseError",
    "SlotMoved",
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
_REDIRECTIONS_MAX = 2
_ASKED_SECONDS_MAX = 0.5  # an unreachable Sentinel or node is given up after this, for the next one
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


class Redis(PlainRedis):
    """A connection to the Redis of a shard, which knows the names of the shard's keys."""

    names: ShardNames


class AsyncRedis(PlainAsyncRedis):
    """The same, for an event loop."""

    names: ShardNames


def connect(url: str, names: ShardNames, answer_seconds_max: float = _ANSWER_SECONDS_MAX) -> Redis:
    """Connects workers and the console: tolerates a slow Redis, fails on a dead one in seconds."""
    connect_seconds_max = min(_CONNECT_SECONDS_MAX, answer_seconds_max)
    return _open(
        url,
        names,
        {
            "socket_connect_timeout": connect_seconds_max,
            "socket_timeout": answer_seconds_max,
            "retry": _never(),
        },
    )


def connect_rq(url: str, names: ShardNames) -> Redis:
    """Connects RQ, which sets how long it waits for a reply.

    In a cluster it follows the slot without an error: what a node has not executed is sent to the
    one that has the slot.
    """
    following = Retry(NoBackoff(), _REDIRECTIONS_MAX, (SlotMoved,))
    return _open(url, names, {"retry": following} if is_cluster_url(url) else {})


@contextmanager
def open_servers(url: str, names: ShardNames) -> Iterator[list[Redis]]:
    """Connects to each server: the primary, with its replicas behind Sentinel; all of a cluster.

    Raises RedisError if no Sentinel, or no node, tells which they are.
    """
    with ExitStack() as stack:
        if is_sentinel_url(url):
            address = parse_sentinel_url(url)
            sentinels = Sentinel(  # type: ignore[no-untyped-call]
                address.sentinels, sentinel_kwargs=_sentinel_options(address)
            )
            primary = sentinels.discover_master(address.name)  # type: ignore[no-untyped-call]
            replicas = sentinels.discover_slaves(address.name)  # type: ignore[no-untyped-call]
            found = _servers((primary, *replicas), _redis_options(address))
        elif is_cluster_url(url):
            nodes = parse_cluster_url(url)
            found = _servers(
                all_nodes(_seeds(nodes)), {**_node_options(nodes), "ssl": nodes.is_tls}
            )
        else:
            found = [connect(url, names)]
        for redis in found:
            redis.names = names
            stack.callback(redis.close)
        yield found


def connect_ingest(url: str, names: ShardNames, answer_ms_max: int) -> AsyncRedis:
    """Connects ingest: fails fast and never retries a write, which would store it twice."""
    seconds_max = answer_ms_max / 1000
    options: dict[str, Any] = {
        "socket_connect_timeout": seconds_max,
        "socket_timeout": seconds_max,
        "retry": _never(),
    }
    if is_cluster_url(url):
        nodes = parse_cluster_url(url)
        seeds = [
            PlainAsyncRedis(host=host, port=port, **_asking_options(nodes))
            for host, port in nodes.nodes
        ]
        pool = async_slot_pool(
            names.snapshot_version,
            AsyncSlotNodes(seeds),
            {**_node_options(nodes), **options},
            is_tls=nodes.is_tls,
        )
        redis = cast("AsyncRedis", AsyncRedis.from_pool(pool))
    elif not is_sentinel_url(url):
        redis = cast("AsyncRedis", AsyncRedis.from_url(url, **options))
    else:
        address = parse_sentinel_url(url)
        sentinels = AsyncSentinel(  # type: ignore[no-untyped-call]
            address.sentinels, sentinel_kwargs=_sentinel_options(address), **options
        )
        primary = sentinels.master_for(address.name, AsyncRedis, **_redis_options(address))
        redis = cast("AsyncRedis", primary)
    redis.names = names
    return redis


async def follow_primary(redis: AsyncRedis) -> None:
    """Leaves a primary that Sentinel, or the other nodes of a cluster, have replaced.

    The old primary learns of it only after 8 s, and until then accepts events that will be lost.
    On a Redis of its own, or if nobody answers who was asked, nothing changes.
    """
    if isinstance(redis.connection_pool, SentinelConnectionPool):
        with suppress(RedisError):
            await redis.connection_pool.get_master_address()  # type: ignore[no-untyped-call]


async def close_ingest(redis: AsyncRedis) -> None:
    """Closes a client and its connections to those it asks, which the client itself leaves open."""
    await redis.aclose()
    if isinstance(redis.connection_pool, SentinelConnectionPool):
        for sentinel in redis.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _open(url: str, names: ShardNames, options: dict[str, Any]) -> Redis:
    options = {"socket_connect_timeout": _CONNECT_SECONDS_MAX, **options}
    if not url.startswith("unix:"):
        options |= {"socket_keepalive": True, "socket_keepalive_options": _KEEPALIVE}
    if is_cluster_url(url):
        nodes = parse_cluster_url(url)
        pool = slot_pool(
            names.snapshot_version,
            SlotNodes(_seeds(nodes)),
            {**_node_options(nodes), **options},
            is_tls=nodes.is_tls,
        )
        redis = cast("Redis", Redis.from_pool(pool))
    elif not is_sentinel_url(url):
        redis = cast("Redis", Redis.from_url(url, **options))
    else:
        address = parse_sentinel_url(url)
        sentinels = Sentinel(  # type: ignore[no-untyped-call]
            address.sentinels, sentinel_kwargs=_sentinel_options(address), **options
        )
        connection = SslPrimaryConnection if address.is_tls else PrimaryConnection
        primary = sentinels.master_for(  # type: ignore[no-untyped-call]
            address.name, Redis, connection_class=connection, **_redis_options(address)
        )
        redis = cast("Redis", primary)
    redis.names = names
    return redis


def _redis_options(address: SentinelUrl) -> dict[str, Any]:
    return {
        "db": address.database,
        "username": address.username,
        "password": address.password,
        "ssl": address.is_tls,
    }


def _sentinel_options(address: SentinelUrl) -> dict[str, Any]:
    return {
        "socket_connect_timeout": _ASKED_SECONDS_MAX,
        "socket_timeout": _ASKED_SECONDS_MAX,
        "retry": _never(),
        "username": address.sentinel_username,
        "password": address.sentinel_password,
        "ssl": address.is_tls,
    }


def _seeds(cluster: ClusterUrl) -> list[PlainRedis]:
    """Returns a client of each node that the URL of a cluster names."""
    return [
        PlainRedis(host=host, port=port, **_asking_options(cluster)) for host, port in cluster.nodes
    ]


def _node_options(cluster: ClusterUrl) -> dict[str, Any]:
    return {"username": cluster.username, "password": cluster.password}


def _asking_options(cluster: ClusterUrl) -> dict[str, Any]:
    return {
        **_node_options(cluster),
        "socket_connect_timeout": _ASKED_SECONDS_MAX,
        "socket_timeout": _ASKED_SECONDS_MAX,
        "retry": _never(),
        "ssl": cluster.is_tls,
    }


def _servers(addresses: Iterable[tuple[str, int]], options: dict[str, Any]) -> list[Redis]:
    options = {**options, "socket_timeout": _ANSWER_SECONDS_MAX}
    return [
        Redis(host=host, port=port, socket_connect_timeout=_CONNECT_SECONDS_MAX, **options)
        for host, port in addresses
    ]


def _never() -> Retry:
    return Retry(NoBackoff(), 0)


def is_refused(error: RedisError) -> bool:
    """Tells whether Redis answers, but not to this user or password."""
    return isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError)


def stream_entries(reply: Any) -> StreamEntries:
    """Returns a stream's reply with its type: nothing is decoded, and an empty one may be None."""
    return cast("StreamEntries", reply or [])
