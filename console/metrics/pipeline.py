"""Combines the observations of both stores into the metrics and the health of the pipeline."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from console.metrics.lag import Lag, LagWindow
from console.metrics.observer import Observer
from console.metrics.readings import lag_series, read_database, read_redis
from shared import metrics
from shared.clock import Clock
from shared.database import Connection, is_closed
from shared.inbox import measure
from shared.redis import Redis
from shared.tally import MetricSeries, gauge

_REDIS_PAUSE_SECONDS, _REDIS_FRESH_SECONDS_MAX = 1.0, 5.0
_DATABASE_PAUSE_SECONDS, _DATABASE_FRESH_SECONDS_MAX = 10.0, 30.0
STUCK_SECONDS = 30.0  # how long the oldest event waits while none leaves the inbox


class RedisReader:
    """A reader of Redis that also keeps the lag, which several samples make up.

    `redis` opens its connection itself.
    """

    def __init__(self, redis: Redis, now: Clock) -> None:
        self._redis = redis
        self._now = now
        self._window = LagWindow()
        self.lag: Lag | None = None

    def __call__(self) -> list[MetricSeries]:
        backlog = measure(self._redis)
        self.lag = self._window.add(backlog, time.monotonic())
        return [*lag_series(backlog, self.lag), *read_redis(self._redis, self._now())]


class DatabaseReader:
    """A reader of PostgreSQL that connects when it is first used, and again after a loss."""

    def __init__(self, open_connection: Callable[[], Connection]) -> None:
        self._open = open_connection
        self._connection: Connection | None = None

    def __call__(self) -> list[MetricSeries]:
        if self._connection is None or is_closed(self._connection):
            self._connection = self._open()
        return read_database(self._connection)


@dataclass(frozen=True)
class Pipeline:
    """The observers of both stores, and the conclusions from their observations."""

    redis: Observer
    database: Observer
    redis_reader: RedisReader

    @property
    def observers(self) -> tuple[Observer, Observer]:
        return self.redis, self.database

    def series(self) -> list[MetricSeries]:
        series: list[MetricSeries] = []
        for observer in self.observers:
            latest = observer.latest()
            series += latest or ()
            series.append(gauge(metrics.STORE_UP, int(latest is not None), observer.name))
        return series

    def lag(self) -> Lag | None:
        """Returns the lag, or None while Redis does not answer."""
        return self.redis_reader.lag if self.redis.latest() is not None else None

    def failing(self) -> list[str]:
        """Returns the parts that keep events from becoming rows.

        While Redis does not answer, nothing is concluded about workers and the drain.
        """
        parts = [observer.name for observer in self.observers if observer.latest() is None]
        if (series := self.redis.latest()) is not None:
            if not sum(line.values[0] for line in series if line.name == metrics.WORKERS.name):
                parts.append("workers")
            lag = self.redis_reader.lag
            if lag and lag.oldest_seconds > STUCK_SECONDS and not lag.drain_rate:
                parts.append("drain")
        return parts


def create_pipeline(
    redis: Redis, open_connection: Callable[[], Connection], now: Clock
) -> Pipeline:
    """Creates the pipeline with observers that are not started yet."""
    redis_reader = RedisReader(redis, now)
    return Pipeline(
        Observer("redis", redis_reader, _REDIS_PAUSE_SECONDS, _REDIS_FRESH_SECONDS_MAX),
        Observer(
            "postgresql",
            DatabaseReader(open_connection),
            _DATABASE_PAUSE_SECONDS,
            _DATABASE_FRESH_SECONDS_MAX,
        ),
        redis_reader,
    )
