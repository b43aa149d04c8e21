"""Reports the health of the pipeline: the backlog, the workers, and the state of the stores.

The values and how they are read are those of `waybill metrics` (`console.metrics.readings`).
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from console.metrics.lag import Lag, LagWindow
from console.metrics.readings import read_database, read_redis
from console.pipeline.set_aside import SetAsideUser, count_set_aside, list_set_aside
from shared import metrics
from shared.database import Connection, DatabaseError
from shared.errors import OperatorError
from shared.inbox import measure
from shared.metrics import Metric
from shared.redis import Redis
from shared.rq_queue import waiting_jobs
from shared.tally import MetricSeries

SET_ASIDE_SHOWN_MAX = 20


@dataclass(frozen=True)
class Status:
    """The state of the inbox and the queue.

    `backlog_events` wait in the inbox, the oldest for `oldest_ms`; `accepted` is the number of
    events ever accepted. `set_aside_users` is the number of users whose decision
    failed, or None if PostgreSQL was not asked or is unavailable.
    """

    backlog_events: int
    oldest_ms: int
    accepted: int
    waiting_jobs: int
    set_aside_users: int | None = None


@dataclass(frozen=True)
class Flow:
    """The lag of the inbox. `seconds` is the period of its drain rate; 0: not known yet."""

    lag: Lag
    seconds: float


@dataclass(frozen=True)
class RedisHealth:
    """The state of Redis. Workers and jobs are by state; no limit is a `memory_bytes_max` of 0."""

    flow: Flow
    workers: dict[str, int]
    jobs: dict[str, int]
    recomputes: int
    memory_bytes: int
    memory_bytes_max: int


@dataclass(frozen=True)
class DatabaseHealth:
    """The state of PostgreSQL.

    Connections are by program, events in quarantine by reason, those in day files by whether their
    file is faulty; `set_aside` counts the users who are set aside, `set_aside_users` are some of
    them.
    """

    connections: dict[str, int]
    connections_max: int
    quarantined: dict[str, int]
    day_files: dict[str, int]
    set_aside: int
    set_aside_users: list[SetAsideUser]


class InboxWatch:
    """A series of measurements of the inbox, from whose second on the drain rate is known."""

    def __init__(self) -> None:
        self._window = LagWindow()
        self._lock = threading.Lock()

    def measure(self, redis: Redis) -> Flow:
        """Measures the inbox. Raises RedisError."""
        with self._lock:
            lag = self._window.add(measure(redis), time.monotonic())
            return Flow(lag, self._window.span_seconds)


def read_status(redis: Redis) -> Status:
    """Reads the status from Redis alone, so that it is available while PostgreSQL is not."""
    backlog = measure(redis)
    return Status(backlog.events, backlog.oldest_ms, backlog.accepted, waiting_jobs(redis))


def with_set_aside(
    status: Status, open_connection: Callable[[], AbstractContextManager[Connection]]
) -> Status:
    """Adds the number of users who are set aside, if PostgreSQL answers."""
    try:
        with open_connection() as connection:
            return replace(status, set_aside_users=count_set_aside(connection))
    except (DatabaseError, OperatorError):
        return status


def read_redis_health(redis: Redis, watch: InboxWatch, now_ms: int) -> RedisHealth:
    """Reads the state of Redis. Raises RedisError."""
    series = read_redis(redis, now_ms)
    return RedisHealth(
        flow=watch.measure(redis),
        workers=_sums_by_label(series, metrics.WORKERS),
        jobs=_sums_by_label(series, metrics.JOBS),
        recomputes=_sum(series, metrics.RECOMPUTES),
        memory_bytes=_sum(series, metrics.REDIS_MEMORY),
        memory_bytes_max=_sum(series, metrics.REDIS_MEMORY_MAX),
    )


def read_database_health(connection: Connection) -> DatabaseHealth:
    """Reads the state of PostgreSQL. Raises DatabaseError."""
    series = read_database(connection)
    return DatabaseHealth(
        connections=_sums_by_label(series, metrics.DATABASE_CONNECTIONS),
        connections_max=_sum(series, metrics.DATABASE_CONNECTIONS_MAX),
        quarantined=_sums_by_label(series, metrics.QUARANTINE),
        day_files=_sums_by_label(series, metrics.DAY_FILES),
        set_aside=_sum(series, metrics.SET_ASIDE_USERS),
        set_aside_users=list_set_aside(connection, SET_ASIDE_SHOWN_MAX),
    )


def _sums_by_label(all_series: Iterable[MetricSeries], metric: Metric) -> dict[str, int]:
    """Sums the series of a metric by their first label."""
    sums: dict[str, int] = {}
    for series in all_series:
        if series.name == metric.name:
            label = series.labels[0]
            sums[label] = sums.get(label, 0) + int(series.values[0])
    return sums


def _sum(all_series: Iterable[MetricSeries], metric: Metric) -> int:
    return sum(int(series.values[0]) for series in all_series if series.name == metric.name)
