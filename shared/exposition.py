"""Series as Prometheus reads them. The one door to prometheus_client."""

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
    """The whole answer of a `/metrics`: every metric of the source, with its sentence."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(list(series), source))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, series: Sequence[MetricSeries], source: Source) -> None:
        self._series = series
        self._source = source

    def collect(self) -> Iterable[Family]:
        for metric in METRICS.values():
            if metric.source is self._source:
                yield _family(metric, [s for s in self._series if s.name == metric.name])


def _family(metric: Metric, series: Sequence[MetricSeries]) -> Family:
    match metric.kind:
        case MetricKind.COUNTER:
            return _filled(
                CounterMetricFamily(metric.name, metric.sentence, None, metric.labels), series
            )
        case MetricKind.GAUGE:
            return _filled(
                GaugeMetricFamily(metric.name, metric.sentence, None, metric.labels), series
            )
        case MetricKind.HISTOGRAM:
            return _histogram(metric, series)


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily, series: Sequence[MetricSeries]
) -> Family:
    for each in series:
        family.add_metric(each.labels, each.values[0])
    return family


def _histogram(metric: Metric, series: Sequence[MetricSeries]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.sentence, labels=metric.labels)
    bounds = [*map(str, metric.bounds), "+Inf"]
    for each in series:
        *counts, total = each.values
        buckets = list(zip(bounds, accumulate(counts), strict=True))
        family.add_metric(each.labels, buckets, total)
    return family
