"""Tests that the counts of workers are added up in Redis."""

import pytest

from shared import metrics
from shared.published_counts import PublishedCounts, read_counts
from shared.redis import RedisError
from shared.tally import MetricSeries, Tally
from tests.support.fake_redis import FakeServer, FakeStrictRedis
from tests.support.redis_names import NAMES


def counted(events: int) -> Tally:
    tally = Tally()
    tally.counter(metrics.EVENTS, "recorded").add(events)
    tally.histogram(metrics.DRAIN_EVENTS).observe(events)
    return tally


def test_counts_of_all_workers_are_one_sum() -> None:
    redis = FakeStrictRedis()
    for events in (3, 4):
        PublishedCounts(redis, counted(events)).publish()

    found = {each.name: each for each in read_counts(redis)}
    assert found["waybill_events_total"] == MetricSeries(
        "waybill_events_total", ("recorded",), (7.0,)
    )
    *counts, total = found["waybill_drain_events"].values
    assert (sum(counts), total) == (2, 7)


def test_what_was_published_is_not_published_again() -> None:
    redis, tally = FakeStrictRedis(), counted(3)
    published = PublishedCounts(redis, tally)
    published.publish()
    published.publish()
    tally.counter(metrics.EVENTS, "recorded").add()
    published.publish()

    (events,) = [each for each in read_counts(redis) if each.name == "waybill_events_total"]
    assert events.values == (4.0,)


def test_without_anything_new_redis_is_left_alone() -> None:
    server = FakeServer()
    published = PublishedCounts(FakeStrictRedis(server=server), Tally())
    server.connected = False

    published.publish()


def test_what_redis_did_not_take_is_published_later() -> None:
    server = FakeServer()
    redis = FakeStrictRedis(server=server)
    published = PublishedCounts(redis, counted(3))
    server.connected = False
    with pytest.raises(RedisError):
        published.publish()

    server.connected = True
    published.publish()

    assert {each.name for each in read_counts(redis)} == {
        "waybill_events_total",
        "waybill_drain_events",
    }


@pytest.mark.parametrize(
    "field", ['["waybill_of_tomorrow_total",[],0]', '["waybill_events_total",["recorded"],1]']
)
def test_what_another_version_counts_is_left_out(field: str) -> None:
    redis = FakeStrictRedis()
    redis.hset(NAMES.counts, field, "1")

    assert read_counts(redis) == []
