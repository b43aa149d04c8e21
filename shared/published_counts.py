"""Sums the counts of workers in Redis, because workers are short-lived and serve no HTTP.

The sums are a hash with a field for each number, incremented every second, so that a worker that
dies loses at most a second of its counts. The numbers are for monitoring; the tables are exact.
"""

from typing import cast

import msgspec

from shared.metrics import METRICS, Metric, MetricKind
from shared.redis import Redis
from shared.tally import MetricSeries, Tally


class _Field(msgspec.Struct, frozen=True, array_like=True):
    """The key of a hash field: one value of a series, by its position."""

    name: str
    labels: tuple[str, ...]
    position: int


_fields = msgspec.json.Decoder(_Field)


class PublishedCounts:
    """The publisher of a tally's growth since the last time, while another thread counts on."""

    def __init__(self, redis: Redis, tally: Tally) -> None:
        self._redis = redis
        self._tally = tally
        self._published: dict[_Field, float] = {}

    def publish(self) -> None:
        """Adds the growth in one round trip, in none if nothing was counted. Raises RedisError."""
        counts = {
            _Field(series.name, series.labels, position): value
            for series in self._tally.series()
            for position, value in enumerate(series.values)
        }
        growth = {
            field: value - self._published.get(field, 0)
            for field, value in counts.items()
            if value != self._published.get(field, 0)
        }
        if not growth:
            return
        with self._redis.pipeline(transaction=True) as pipeline:
            for field, increment in growth.items():
                name = msgspec.json.encode(field).decode()
                pipeline.hincrbyfloat(self._redis.names.counts, name, increment)
            pipeline.execute()
        self._published = counts


def read_counts(redis: Redis) -> list[MetricSeries]:
    """Reads the sums since Redis was empty, without metrics that only another version counts."""
    values: dict[tuple[str, tuple[str, ...]], list[float]] = {}
    for text, number in cast("dict[bytes, bytes]", redis.hgetall(redis.names.counts)).items():
        field = _fields.decode(text)
        metric = METRICS.get(field.name)
        if metric is None or not 0 <= field.position < _width(metric):
            continue
        row = values.setdefault((field.name, field.labels), [0.0] * _width(metric))
        row[field.position] = float(number)
    return [MetricSeries(name, labels, tuple(row)) for (name, labels), row in values.items()]


def _width(metric: Metric) -> int:
    return len(metric.bounds) + 2 if metric.kind is MetricKind.HISTOGRAM else 1
