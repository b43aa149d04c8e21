"""Counts in one process, in plain numbers: counting costs one addition.

The series of several processes are added up by `merge_series` and exposed by `shared.exposition`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from itertools import chain

import msgspec

from shared.errors import WaybillError
from shared.metrics import METRICS, Across, Metric, MetricKind

_COMBINE: Mapping[Across, Callable[[tuple[float, float]], float]] = {
    Across.SUM: sum,
    Across.MIN: min,
    Across.MAX: max,
}


class UnlistedMetric(WaybillError):
    """A metric that is counted although `shared.metrics` does not declare it."""

    code = "unlisted_metric"


class MetricSeries(msgspec.Struct, frozen=True, array_like=True):
    """A metric under one set of labels.

    `values` of a histogram are the counts under each bound and beyond the last, then the sum of the
    observations; of all others the one number.
    """

    name: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


class Counter:
    """A counter. Its `value` may be incremented directly where a call would cost too much."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def add(self, count: float = 1) -> None:
        """Adds to the value."""
        self.value += count

    def values(self) -> tuple[float, ...]:
        """Returns the value, as a series has it."""
        return (self.value,)


class Histogram:
    """A histogram: counts of observations under each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Adds an observation, as often as `times` says."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def values(self) -> tuple[float, ...]:
        """Returns the counts and the sum, as a series has them."""
        return (*self.counts, self.total)


class Tally:
    """The counters and histograms of a process, one object for a metric under the same labels."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, tuple[str, ...]], Counter | Histogram] = {}

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """Returns the counter of a metric, also of a gauge. Raises UnlistedMetric."""
        counter = self._get(metric, labels)
        assert isinstance(counter, Counter)
        return counter

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """Returns the histogram of a metric. Raises UnlistedMetric."""
        histogram = self._get(metric, labels)
        assert isinstance(histogram, Histogram)
        return histogram

    def series(self) -> list[MetricSeries]:
        """Returns everything that was counted so far."""
        return [
            MetricSeries(name, labels, counts.values())
            for (name, labels), counts in self._series.items()
        ]

    def _get(self, metric: Metric, labels: tuple[str, ...]) -> Counter | Histogram:
        counts = self._series.get((metric.name, labels))
        if counts is None:
            _require_listed(metric, labels)
            is_histogram = metric.kind is MetricKind.HISTOGRAM
            counts = Histogram(metric.bounds) if is_histogram else Counter()
            self._series[metric.name, labels] = counts
        return counts


def gauge(metric: Metric, value: float, *labels: str) -> MetricSeries:
    """Returns the series of a number that is read, not counted. Raises UnlistedMetric."""
    _require_listed(metric, labels)
    return MetricSeries(metric.name, labels, (value,))


def merge_series(groups: Iterable[Iterable[MetricSeries]]) -> list[MetricSeries]:
    """Merges the series of several processes: added up, gauges as their declaration says."""
    merged: dict[tuple[str, tuple[str, ...]], MetricSeries] = {}
    for series in chain.from_iterable(groups):
        key = (series.name, series.labels)
        if earlier := merged.get(key):
            combine = _COMBINE[METRICS[series.name].across]
            values = map(combine, zip(earlier.values, series.values, strict=True))
            series = msgspec.structs.replace(series, values=tuple(values))  # noqa: PLW2901
        merged[key] = series
    return list(merged.values())


def _require_listed(metric: Metric, labels: tuple[str, ...]) -> None:
    if METRICS.get(metric.name) is not metric or len(labels) != len(metric.labels):
        raise UnlistedMetric(
            f"{metric.name} is not declared with {len(labels)} labels. Add it to shared.metrics."
        )
