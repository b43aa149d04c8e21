"""Writes series in Prometheus's text format. The only module that imports prometheus_client."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from shared.metrics import METRICS, Metric, MetricKind, Source
from shared.tally import MetricSeries

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def expose(series: Iterable[MetricSeries], source: Source) -> bytes:
    """Returns the body of a `/metrics` response: every metric of the source, with its sentence."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(list(series), source))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, series: Sequence[MetricSeries], source: Source) -> None:
        self._series = series
        self._source = source

    def collect(self) -> Iterable[Family]:
        for metric in METRICS.values():
            if metric.source is not self._source:
                continue
            rows = [series for series in self._series if series.name == metric.name]
            if metric.kind is MetricKind.HISTOGRAM:
                yield _histogram(metric, rows)
                continue
            is_counter = metric.kind is MetricKind.COUNTER
            of_kind = CounterMetricFamily if is_counter else GaugeMetricFamily
            family = of_kind(metric.name, metric.sentence, None, metric.labels)
            for series in rows:
                family.add_metric(series.labels, series.values[0])
            yield family


def _histogram(metric: Metric, rows: Sequence[MetricSeries]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.sentence, labels=metric.labels)
    bounds = [*map(str, metric.bounds), "+Inf"]
    for series in rows:
        *counts, total = series.values
        buckets = list(zip(bounds, accumulate(counts), strict=True))
        family.add_metric(series.labels, buckets, total)
    return family
