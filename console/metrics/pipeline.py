"""The pipeline as `waybill metrics` sees it: what its observers saw, and what follows from that."""

import time
from collections.abc import Callable, Sequence
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
STUCK_SECONDS = 30.0  # the oldest event has waited so long, and nothing leaves the inbox


class RedisLook:
    """Also keeps the lag, which is made of several looks. `redis` opens a connection."""

    def __init__(self, redis: Redis, now: Clock) -> None:
        self._redis = redis
        self._now = now
        self._window = LagWindow()
        self.lag: Lag | None = None

    def __call__(self) -> list[MetricSeries]:
        backlog = measure(self._redis)
        self.lag = self._window.add(backlog, time.monotonic())
        return [*lag_series(backlog, self.lag), *read_redis(self._redis, self._now())]


class DatabaseLook:
    """Opens its connection when it is needed and anew when it was lost."""

    def __init__(self, open_connection: Callable[[], Connection]) -> None:
        self._open = open_connection
        self._connection: Connection | None = None

    def __call__(self) -> list[MetricSeries]:
        if self._connection is None or is_closed(self._connection):
            self._connection = self._open()
        return read_database(self._connection)


@dataclass(frozen=True)
class Pipeline:
    """The two observers, and what is concluded from what they see."""

    redis: Observer
    database: Observer
    redis_look: RedisLook

    @property
    def observers(self) -> tuple[Observer, Observer]:
        return self.redis, self.database

    def series(self) -> list[MetricSeries]:
        found: list[MetricSeries] = []
        for observer in self.observers:
            seen = observer.seen()
            found += [*(seen or ()), gauge(metrics.STORE_UP, int(seen is not None), observer.name)]
        return found

    def lag(self) -> Lag | None:
        """None while Redis does not answer."""
        return self.redis_look.lag if self.redis.seen() is not None else None

    def failing(self) -> list[str]:
        """The parts that keep events from becoming rows; nothing is concluded from no answer."""
        parts = [observer.name for observer in self.observers if observer.seen() is None]
        if (series := self.redis.seen()) is not None:
            if not _total(series, metrics.WORKERS):
                parts.append("workers")
            lag = self.redis_look.lag
            if lag and lag.oldest_seconds > STUCK_SECONDS and not lag.drain_rate:
                parts.append("drain")
        return parts


def observe(redis: Redis, open_connection: Callable[[], Connection], now: Clock) -> Pipeline:
    """Not started yet."""
    look = RedisLook(redis, now)
    return Pipeline(
        Observer("redis", look, _REDIS_PAUSE_SECONDS, _REDIS_FRESH_SECONDS_MAX),
        Observer(
            "postgresql",
            DatabaseLook(open_connection),
            _DATABASE_PAUSE_SECONDS,
            _DATABASE_FRESH_SECONDS_MAX,
        ),
        look,
    )


def _total(series: Sequence[MetricSeries], metric: metrics.Metric) -> float:
    return sum(each.values[0] for each in series if each.name == metric.name)
