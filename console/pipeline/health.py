"""How the installation does, for people: what waits, who works, how the stores are.

What is read, and how, is what `waybill metrics` reads (`console.metrics.readings`).
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from console.metrics.lag import Lag, LagWindow
from console.metrics.readings import read_database, read_redis
from console.pipeline.set_aside import SetAsideUser, list_set_aside
from shared import metrics
from shared.database import Connection
from shared.inbox import measure
from shared.metrics import Metric
from shared.redis import Redis
from shared.tally import MetricSeries

SET_ASIDE_SHOWN_MAX = 20


@dataclass(frozen=True)
class Flow:
    """`seconds` is over how long the drain rate was seen; 0: it is not known yet."""

    lag: Lag
    seconds: float


@dataclass(frozen=True)
class RedisHealth:
    """`memory_bytes_max` is 0 where there is no limit; workers and jobs by state."""

    flow: Flow
    workers: dict[str, int]
    jobs: dict[str, int]
    recomputes: int
    memory_bytes: int
    memory_bytes_max: int


@dataclass(frozen=True)
class DatabaseHealth:
    """Connections by program; events in quarantine by reason; how many users are set aside, and
    some of them.
    """

    connections: dict[str, int]
    connections_max: int
    quarantined: dict[str, int]
    set_aside: int
    set_aside_users: list[SetAsideUser]


class InboxWatch:
    """Remembers its looks at the inbox, so that from the second on the drain rate is known."""

    def __init__(self) -> None:
        self._window = LagWindow()
        self._lock = threading.Lock()

    def look(self, redis: Redis) -> Flow:
        """Raises RedisError."""
        with self._lock:
            lag = self._window.add(measure(redis), time.monotonic())
            return Flow(lag, self._window.span_seconds)


def redis_health(redis: Redis, watch: InboxWatch, now_ms: int) -> RedisHealth:
    """Raises RedisError."""
    series = read_redis(redis, now_ms)
    return RedisHealth(
        flow=watch.look(redis),
        workers=_by_label(series, metrics.WORKERS),
        jobs=_by_label(series, metrics.JOBS),
        recomputes=_only(series, metrics.RECOMPUTES),
        memory_bytes=_only(series, metrics.REDIS_MEMORY),
        memory_bytes_max=_only(series, metrics.REDIS_MEMORY_MAX),
    )


def database_health(connection: Connection) -> DatabaseHealth:
    """Raises DatabaseError."""
    series = read_database(connection)
    return DatabaseHealth(
        connections=_by_label(series, metrics.DATABASE_CONNECTIONS),
        connections_max=_only(series, metrics.DATABASE_CONNECTIONS_MAX),
        quarantined=_by_label(series, metrics.QUARANTINE),
        set_aside=_only(series, metrics.SET_ASIDE_USERS),
        set_aside_users=list_set_aside(connection, SET_ASIDE_SHOWN_MAX),
    )


def _by_label(series: Iterable[MetricSeries], metric: Metric) -> dict[str, int]:
    """Added up by the first label."""
    sums: dict[str, int] = {}
    for each in series:
        if each.name == metric.name:
            label = each.labels[0]
            sums[label] = sums.get(label, 0) + int(each.values[0])
    return sums


def _only(series: Iterable[MetricSeries], metric: Metric) -> int:
    return sum(int(each.values[0]) for each in series if each.name == metric.name)
