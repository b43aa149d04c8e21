"""The last requests of each token, as ingest keeps them and people read them."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from shared.integration_log import (
    CHECK_ENTRIES_MAX,
    CHECK_SECONDS,
    IntegrationLogEntry,
    check_commands,
    recent_checks,
)
from shared.tokens import TokenFault
from tests.support.build import check_entry
from tests.support.fake_redis import FakeAsyncRedis, FakeStrictRedis
from tests.support.redis_names import NAMES

SHOP, GAME = 1, 2


@pytest.fixture
def redis() -> FakeStrictRedis:
    return FakeStrictRedis()


def keep(redis: FakeStrictRedis, entries: Sequence[IntegrationLogEntry], token: int = 7) -> None:
    with redis.pipeline() as pipeline:
        check_commands(pipeline, NAMES, SHOP, token, entries)
        pipeline.execute()


def test_the_newest_requests_come_first_and_no_more_than_asked(redis: FakeStrictRedis) -> None:
    keep(redis, [check_entry(at_ms=1), check_entry(at_ms=2)])
    keep(redis, [check_entry(at_ms=3)])

    found = recent_checks(redis, SHOP, [7], 2)

    assert [entry.at_ms for entry in found[7]] == [3, 2]


def test_a_request_reads_as_it_was_written(redis: FakeStrictRedis) -> None:
    refused = check_entry(
        status=401,
        code="unauthorized",
        field="Authorization",
        token_id=0,
        fault=TokenFault.WRONG,
        enforced=True,
        receipt=None,
        missing=("ip_address", "user_agent"),
        environment=None,
    )
    keep(redis, [refused], token=0)

    assert recent_checks(redis, SHOP, [0, 7], 10) == {0: [refused], 7: []}


def test_apps_and_tokens_are_kept_apart(redis: FakeStrictRedis) -> None:
    keep(redis, [check_entry()], token=1)

    assert recent_checks(redis, SHOP, [2], 10) == {2: []}
    assert recent_checks(redis, GAME, [1], 10) == {1: []}


@pytest.mark.parametrize("at_once", [1, 3 * CHECK_ENTRIES_MAX])
def test_no_token_keeps_more_than_its_last_requests(redis: FakeStrictRedis, at_once: int) -> None:
    sent = [check_entry(at_ms=number) for number in range(3 * CHECK_ENTRIES_MAX)]
    for begin in range(0, len(sent), at_once):
        keep(redis, sent[begin : begin + at_once])

    (kept,) = recent_checks(redis, SHOP, [7], 10_000).values()
    assert [entry.at_ms for entry in kept] == [entry.at_ms for entry in sent[:-51:-1]]


def test_a_token_that_nobody_uses_is_forgotten_after_a_week(redis: FakeStrictRedis) -> None:
    keep(redis, [check_entry()])

    (key,) = redis.keys("waybill:check:*")
    assert CHECK_SECONDS - 5 < redis.ttl(key) <= CHECK_SECONDS


def test_no_request_is_no_command(redis: FakeStrictRedis) -> None:
    keep(redis, [])

    assert redis.keys() == []


def test_what_another_version_wrote_does_not_hide_the_rest(redis: FakeStrictRedis) -> None:
    keep(redis, [check_entry(at_ms=1)])
    (key,) = redis.keys("waybill:check:*")
    newer = [*msgspec.to_builtins(check_entry(at_ms=2)), "a field of a later version"]
    redis.lpush(key, msgspec.msgpack.encode(newer), b"no entry at all")

    assert [entry.at_ms for entry in recent_checks(redis, SHOP, [7], 10)[7]] == [2, 1]


def test_the_commands_are_queued_on_the_pipeline_of_ingest_without_waiting() -> None:
    async def kept() -> list[bytes | str]:
        redis = FakeAsyncRedis()
        async with redis.pipeline(transaction=True) as pipeline:
            check_commands(pipeline, NAMES, SHOP, 7, [check_entry()])
            await pipeline.execute()
        found: list[bytes | str] = await redis.lrange("waybill:check:1:7", 0, -1)
        await redis.aclose()
        return found

    (text,) = asyncio.run(kept())
    assert isinstance(text, bytes)
    assert msgspec.msgpack.decode(text, type=IntegrationLogEntry) == check_entry()
