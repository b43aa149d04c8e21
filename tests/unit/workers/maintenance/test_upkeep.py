"""The sweep: what wakes an inbox that nobody empties. The rest is tested with PostgreSQL."""

import pytest

from shared.clock import now_ms
from shared.rq_queue import enqueue, waiting_jobs
from tests.support.build import snapshot
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES
from tests.unit.ingest.harness import publish
from workers.maintenance.upkeep import WAITED_TOO_LONG_MS, snapshot_is_lost, wake_waiting_inbox


@pytest.fixture
def redis() -> FakeStrictRedis:
    return FakeStrictRedis()


def waiting(redis: FakeStrictRedis, since_ms: int) -> None:
    redis.xadd(NAMES.inbox, {"n": 1}, id=f"{now_ms() - since_ms}-0")


def test_an_inbox_that_has_waited_too_long_is_woken_once(redis: FakeStrictRedis) -> None:
    waiting(redis, WAITED_TOO_LONG_MS)

    assert wake_waiting_inbox(redis)
    assert not wake_waiting_inbox(redis)
    assert waiting_jobs(redis) == 1


def test_an_inbox_that_has_not_waited_is_left_alone(redis: FakeStrictRedis) -> None:
    assert not wake_waiting_inbox(redis)
    waiting(redis, 0)

    assert not wake_waiting_inbox(redis)
    assert waiting_jobs(redis) == 0


def test_an_inbox_with_a_drain_on_its_way_is_left_alone(redis: FakeStrictRedis) -> None:
    waiting(redis, WAITED_TOO_LONG_MS)
    enqueue(redis, "drain")

    assert not wake_waiting_inbox(redis)


def test_a_snapshot_is_lost_when_either_half_of_it_is(redis: FakeStrictRedis) -> None:
    assert snapshot_is_lost(redis)
    publish(redis, snapshot())
    assert not snapshot_is_lost(redis)

    redis.delete(NAMES.snapshot_version)
    assert snapshot_is_lost(redis)

    publish(redis, snapshot())
    redis.delete(NAMES.snapshot)
    assert snapshot_is_lost(redis)
