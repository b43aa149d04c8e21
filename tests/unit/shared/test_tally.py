"""Counting in plain numbers, and what several processes have counted together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import metrics
from shared.metrics import Metric, MetricKind, Source
from shared.tally import MetricSeries, Tally, UnlistedMetric, gauge, merge_series


def test_the_same_metric_under_the_same_labels_is_counted_together() -> None:
    tally = Tally()
    tally.counter(metrics.EVENTS, "recorded").add(3)
    tally.counter(metrics.EVENTS, "recorded").value += 1
    tally.counter(metrics.EVENTS, "duplicate").add()

    assert tally.series() == [
        MetricSeries("waybill_events_total", ("recorded",), (4,)),
        MetricSeries("waybill_events_total", ("duplicate",), (1,)),
    ]


def test_a_value_falls_under_the_first_bound_that_is_not_below_it() -> None:
    waits = Tally().histogram(metrics.QUEUE_WAIT_SECONDS)
    for value in (0.0, 0.01, 0.011, 7200.0, 7201.0):
        waits.observe(value)

    *counts, total = waits.values()
    assert counts[:2] == [2, 1]
    assert counts[-2:] == [1, 1]
    assert total == pytest.approx(14401.021)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 1000))),
)
def test_a_histogram_counts_each_value_as_often_as_it_is_told(
    seen: list[tuple[float, int]],
) -> None:
    waits = Tally().histogram(metrics.QUEUE_WAIT_SECONDS)
    for value, times in seen:
        waits.observe(value, times)

    *counts, total = waits.values()
    assert sum(counts) == sum(times for _, times in seen)
    assert total == pytest.approx(sum(value * times for value, times in seen))


UNDECLARED = Metric("waybill_undeclared_total", MetricKind.COUNTER, Source.INGEST, "None.")


def test_what_is_not_declared_cannot_be_counted_or_shown() -> None:
    with pytest.raises(UnlistedMetric, match="waybill_undeclared_total is not declared"):
        Tally().counter(UNDECLARED)
    with pytest.raises(UnlistedMetric):
        gauge(UNDECLARED, 1)


@pytest.mark.parametrize("labels", [(), ("recorded", "more")])
def test_labels_are_those_that_are_declared(labels: tuple[str, ...]) -> None:
    with pytest.raises(UnlistedMetric):
        Tally().counter(metrics.EVENTS, *labels)
    with pytest.raises(UnlistedMetric):
        gauge(metrics.WORKERS, 1, *labels)


def test_what_processes_counted_is_added_up() -> None:
    first, second = Tally(), Tally()
    for tally in (first, second):
        tally.counter(metrics.CLICKS_LOST).add(2)
        tally.histogram(metrics.FLUSH_EVENTS).observe(5)
    second.counter(metrics.FLUSHES_FAILED).add()

    found = {each.name: each.values for each in merge_series([first.series(), second.series()])}
    assert found["waybill_clicks_lost_total"] == (4.0,)
    assert found["waybill_flushes_failed_total"] == (1.0,)
    assert sum(found["waybill_flush_events"]) == 2 + 10


def test_gauges_of_processes_are_joined_as_they_are_declared() -> None:
    def of(version: int, age: float, ready: int, connections: int) -> list[MetricSeries]:
        return [
            gauge(metrics.SNAPSHOT_VERSION, version),
            gauge(metrics.SNAPSHOT_AGE, age),
            gauge(metrics.READY, ready, "redis"),
            gauge(metrics.CONNECTIONS, connections),
        ]

    assert merge_series([of(7, 0.1, 1, 10), of(8, 3.0, 0, 20)]) == of(7, 3.0, 0, 30)
