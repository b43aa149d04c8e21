"""The registry: every metric is named as Prometheus asks, and explained."""

import re

import pytest

from shared.metrics import METRICS, Metric, MetricKind

UNITS = ("seconds", "events", "bytes")
LABELS = {
    "endpoint", "dialect", "status", "reason", "part", "outcome", "rule", "state", "program",
    "store", "kind",
}  # fmt: skip


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_is_named_and_explained(metric: Metric) -> None:
    assert re.fullmatch(r"waybill_[a-z_]+", metric.name)
    assert metric.sentence.endswith(".")
    assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_label_is_one_of_a_closed_set(metric: Metric) -> None:
    """Proves that no label is an app, a user, an address or anything else that is sent."""
    assert set(metric.labels) <= LABELS


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_histogram_alone_has_bounds_and_says_their_unit(metric: Metric) -> None:
    assert bool(metric.bounds) == (metric.kind is MetricKind.HISTOGRAM)
    assert list(metric.bounds) == sorted(set(metric.bounds))
    if metric.bounds:
        assert metric.name.endswith(UNITS)
