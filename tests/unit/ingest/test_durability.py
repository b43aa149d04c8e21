"""Durability: a Redis that may lose an event is reported."""

from typing import Any

import pytest

from ingest.durability import durability_problems
from shared.redis import RedisError
from tests.support.fake_redis import FakeAsyncRedis, FakeServer
from tests.unit.ingest.harness import DURABLE, TellingRedis
from tests.unit.loop import in_loop


async def faults(section: dict[str, Any] | None = None, /, **changes: str) -> list[str]:
    redis = TellingRedis(FakeServer())
    redis.configuration = {**DURABLE, **{name.replace("_", "-"): v for name, v in changes.items()}}
    redis.sections["persistence"] = section or {}
    try:
        return await durability_problems(redis)
    finally:
        await redis.aclose()


@in_loop
async def test_a_redis_that_writes_before_it_answers_and_evicts_nothing_has_no_fault() -> None:
    assert await faults() == []
    assert await faults({"aof_last_write_status": "ok"}) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appendonly", "no"),
        ("appendfsync", "everysec"),
        ("appendfsync", "no"),
        ("maxmemory_policy", "allkeys-lru"),
        ("maxmemory_policy", "volatile-ttl"),
    ],
)
@in_loop
async def test_each_setting_that_could_lose_an_event_is_a_fault(name: str, value: str) -> None:
    (fault,) = await faults(**{name: value})

    assert f"{name.replace('_', '-')} {value}" in fault


@in_loop
async def test_all_faults_are_told_at_once() -> None:
    assert (
        len(await faults({"aof_last_write_status": "err"}, appendonly="no", appendfsync="no")) == 3
    )


@in_loop
async def test_a_file_that_cannot_be_written_is_a_fault() -> None:
    assert await faults({"aof_last_write_status": "err"}) == [
        "Redis cannot write its append-only file; see its log."
    ]


@in_loop
async def test_a_redis_that_tells_nothing_of_itself_is_not_trusted() -> None:
    redis = FakeAsyncRedis()  # knows no CONFIG

    assert await durability_problems(redis) == [
        "Redis does not allow CONFIG GET, so its configuration cannot be checked."
    ]
    await redis.aclose()


def following(*replicas: tuple[str, int]) -> dict[str, Any]:
    """Builds INFO replication of a primary whose replicas have this state and lag."""
    return {
        f"slave{number}": {"ip": "::1", "port": 1, "state": state, "offset": 1, "lag": lag}
        for number, (state, lag) in enumerate(replicas)
    }


@pytest.mark.parametrize(
    ("replicas", "follows"),
    [
        ([("online", 0)], True),
        ([("online", 2)], True),
        ([("online", 3)], False),  # cut off: it says nothing any more
        ([("wait_bgsave", 0)], False),  # still copying
        ([("send_bulk", 0), ("online", 1)], True),
        ([], False),
    ],
)
@in_loop
async def test_a_replica_that_does_not_follow_is_a_fault_where_one_has_to_confirm(
    replicas: list[tuple[str, int]], follows: bool
) -> None:
    redis = TellingRedis(FakeServer())
    redis.sections["replication"] = following(*replicas)

    found = await durability_problems(redis, replicas_min=1)
    await redis.aclose()

    assert found == (
        [] if follows else ["Redis has 0 replicas that follow it; WAYBILL_REPLICAS_MIN asks for 1."]
    )


@in_loop
async def test_a_redis_that_does_not_answer_is_an_error_and_no_fault() -> None:
    redis = TellingRedis(FakeServer())
    redis.server.connected = False

    with pytest.raises(RedisError):
        await durability_problems(redis)
    await redis.aclose()
