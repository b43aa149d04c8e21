"""What workers counted, summed in Redis: they come and go, and serve no HTTP.

A hash with a field for each number, added to, so that a worker that dies takes at most a second of
its counts along. Numbers are for watching; the tables are the truth.
"""

from collections.abc import Iterator
from typing import cast

import msgspec

from shared.metrics import METRICS, Metric, MetricKind
from shared.redis import Redis
from shared.tally import MetricSeries, Tally

COUNTS_KEY = "waybill:counts"


class _Field(msgspec.Struct, frozen=True, array_like=True):
    """Which of a series' values a field of the hash holds."""

    name: str
    labels: tuple[str, ...]
    position: int


_fields = msgspec.json.Decoder(_Field)


class PublishedCounts:
    """Publishes what a tally has counted since the last time; another thread may go on counting."""

    def __init__(self, redis: Redis, tally: Tally) -> None:
        self._redis = redis
        self._tally = tally
        self._published: dict[_Field, float] = {}

    def publish(self) -> None:
        """In one round trip, none where nothing was counted. Raises RedisError."""
        counted = {field: value for each in self._tally.series() for field, value in _parts(each)}
        grown = {
            field: value - self._published.get(field, 0)
            for field, value in counted.items()
            if value != self._published.get(field, 0)
        }
        if not grown:
            return
        with self._redis.pipeline(transaction=True) as pipeline:
            for field, growth in grown.items():
                pipeline.hincrbyfloat(COUNTS_KEY, msgspec.json.encode(field).decode(), growth)
            pipeline.execute()
        self._published = counted


def read_counts(redis: Redis) -> list[MetricSeries]:
    """The sums since Redis was empty. What another version counts is left out."""
    values: dict[tuple[str, tuple[str, ...]], list[float]] = {}
    for text, number in cast("dict[bytes, bytes]", redis.hgetall(COUNTS_KEY)).items():
        field = _fields.decode(text)
        metric = METRICS.get(field.name)
        if metric is None or not 0 <= field.position < _width(metric):
            continue
        row = values.setdefault((field.name, field.labels), [0.0] * _width(metric))
        row[field.position] = float(number)
    return [MetricSeries(name, labels, tuple(row)) for (name, labels), row in values.items()]


def _width(metric: Metric) -> int:
    return len(metric.bounds) + 2 if metric.kind is MetricKind.HISTOGRAM else 1


def _parts(series: MetricSeries) -> Iterator[tuple[_Field, float]]:
    for position, value in enumerate(series.values):
        yield _Field(series.name, series.labels, position), value
