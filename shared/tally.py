"""Counts of one process, in plain numbers: what counting costs is one addition.

Series of several processes are added up (`merged`), and shown by `shared.exposition`.
"""

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from shared.errors import WaybillError
from shared.metrics import METRICS, Across, Metric, MetricKind


class UnlistedMetric(WaybillError):
    """Somebody counts what `shared.metrics` does not declare."""

    code = "unlisted_metric"


class MetricSeries(msgspec.Struct, frozen=True, array_like=True):
    """One metric under one set of labels.

    `values`: of a histogram how many fell under each bound and beyond the last, then their sum; of
    all others the one number.
    """

    name: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


class Counter:
    """`value` may be counted up directly where a call would cost too much."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def add(self, count: float = 1) -> None:
        self.value += count

    def values(self) -> tuple[float, ...]:
        return (self.value,)


class Histogram:
    """How many values fell under each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """As if this had been seen so many times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def values(self) -> tuple[float, ...]:
        return (*self.counts, self.total)


class Tally:
    """Hands out what to count with; a metric under the same labels is the same object."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, tuple[str, ...]], Counter | Histogram] = {}

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """Also of a gauge. Raises UnlistedMetric."""
        kept = self._keep(metric, labels)
        assert isinstance(kept, Counter)
        return kept

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """Raises UnlistedMetric."""
        kept = self._keep(metric, labels)
        assert isinstance(kept, Histogram)
        return kept

    def series(self) -> list[MetricSeries]:
        return [
            MetricSeries(name, labels, kept.values()) for (name, labels), kept in self._kept.items()
        ]

    def _keep(self, metric: Metric, labels: tuple[str, ...]) -> Counter | Histogram:
        kept = self._kept.get((metric.name, labels))
        if kept is None:
            kept = self._kept[metric.name, labels] = _new(metric, labels)
        return kept


def gauge(metric: Metric, value: float, *labels: str) -> MetricSeries:
    """A number that is read, not counted. Raises UnlistedMetric."""
    _require_listed(metric, labels)
    return MetricSeries(metric.name, labels, (value,))


def merged(groups: Iterable[Iterable[MetricSeries]]) -> list[MetricSeries]:
    """Those of several processes as one: added up, gauges as their declaration says."""
    found: dict[tuple[str, tuple[str, ...]], MetricSeries] = {}
    for group in groups:
        for series in group:
            key = (series.name, series.labels)
            found[key] = _joined(found[key], series) if key in found else series
    return list(found.values())


def _new(metric: Metric, labels: tuple[str, ...]) -> Counter | Histogram:
    _require_listed(metric, labels)
    return Histogram(metric.bounds) if metric.kind is MetricKind.HISTOGRAM else Counter()


def _require_listed(metric: Metric, labels: tuple[str, ...]) -> None:
    if METRICS.get(metric.name) is not metric or len(labels) != len(metric.labels):
        raise UnlistedMetric(
            f"{metric.name} is not declared with {len(labels)} labels. Add it to shared.metrics."
        )


def _joined(first: MetricSeries, second: MetricSeries) -> MetricSeries:
    across = METRICS[first.name].across
    pairs = zip(first.values, second.values, strict=True)
    return msgspec.structs.replace(first, values=tuple(_join(across, pair) for pair in pairs))


def _join(across: Across, pair: tuple[float, float]) -> float:
    match across:
        case Across.SUM:
            return sum(pair)
        case Across.MIN:
            return min(pair)
        case Across.MAX:
            return max(pair)
