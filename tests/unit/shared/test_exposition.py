"""Tests the text for Prometheus: every declared metric of a source, histograms in its form."""

from prometheus_client.parser import text_string_to_metric_families

from shared import metrics
from shared.exposition import expose
from shared.metrics import METRICS, MetricKind, Source
from shared.tally import Tally


def test_every_metric_of_a_source_is_explained_even_before_it_counts() -> None:
    for source in Source:
        families = {
            family.name: family
            for family in text_string_to_metric_families(expose([], source).decode())
        }
        declared = [each for each in METRICS.values() if each.source is source]

        assert families.keys() == {each.name.removesuffix("_total") for each in declared}
        for each in declared:
            family = families[each.name.removesuffix("_total")]
            assert (family.type, family.documentation) == (each.kind, each.sentence)


def test_a_histogram_is_cumulative() -> None:
    tally = Tally()
    for events in (1, 3, 3, 9999):
        tally.histogram(metrics.FLUSH_EVENTS).observe(events)

    text = expose(tally.series(), Source.INGEST).decode()
    assert 'waybill_flush_events_bucket{le="1.0"} 1.0' in text
    assert 'waybill_flush_events_bucket{le="5.0"} 3.0' in text
    assert 'waybill_flush_events_bucket{le="5000.0"} 3.0' in text
    assert 'waybill_flush_events_bucket{le="+Inf"} 4.0' in text
    assert "waybill_flush_events_count 4.0" in text
    assert "waybill_flush_events_sum 10006.0" in text


def test_a_source_shows_nothing_of_another() -> None:
    tally = Tally()
    tally.counter(metrics.EVENTS, "recorded").add()

    assert b"waybill_events_total" not in expose(tally.series(), Source.INGEST)


def test_there_is_a_kind_of_its_own_for_each() -> None:
    assert {each.kind for each in METRICS.values()} == set(MetricKind)
