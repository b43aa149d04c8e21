"""The flush on a real Redis: once on disk, only under the snapshot that holds, waking one drain."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio.connection import AbstractConnection

from ingest.durability import durability_problems
from ingest.inbox import InboxWriter, Stale
from shared.events import encode_event, join_events
from shared.inbox import BatchPart, measure
from shared.redis import AsyncRedis, Redis, connect_ingest
from shared.rq_queue import waiting_jobs
from tests.support.build import event, now
from tests.support.redis_names import NAMES

PAYLOAD = join_events([encode_event(event())])


@asynccontextmanager
async def _client(redis_url: str) -> AsyncIterator[AsyncRedis]:
    client = connect_ingest(redis_url, NAMES, answer_ms_max=2000)
    yield client
    await client.aclose()


def _write(redis_url: str, redis: Redis, work: Callable[[InboxWriter], Awaitable[None]]) -> None:
    async def run() -> None:
        async with _client(redis_url) as client:
            writer = InboxWriter(client, redis, now)
            await work(writer)
            await writer.close()

    asyncio.run(run())


def test_a_batch_is_added_counted_and_wakes_one_drain(redis_url: str, redis: Redis) -> None:
    redis.set(NAMES.snapshot_version, 7)

    async def work(writer: InboxWriter) -> None:
        assert (await writer.append(7, [BatchPart(PAYLOAD, 1)])).backlog == 1
        assert (await writer.append(7, [BatchPart(PAYLOAD, 1)])).backlog == 2

    _write(redis_url, redis, work)

    assert measure(redis).events == 2
    assert measure(redis).accepted == 2
    assert waiting_jobs(redis) == 1


def test_a_flush_is_one_round_trip_however_many_events_share_it(
    redis_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.set(NAMES.snapshot_version, 7)
    sent: list[object] = []
    send = AbstractConnection.send_packed_command

    async def counted(connection: AbstractConnection, command: Any, **how: Any) -> None:
        sent.append(command)
        await send(connection, command, **how)

    async def work(writer: InboxWriter) -> None:
        await writer.append(7, [BatchPart(PAYLOAD, 1)])  # connects, and tells Redis the script
        monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
        for count in (1, 30, 1000):
            payload = join_events([encode_event(event())] * count)
            await writer.append(7, [BatchPart(payload, count)])

    _write(redis_url, redis, work)

    assert len(sent) == 3
    assert measure(redis).events == 1 + 1 + 30 + 1000


@pytest.mark.parametrize("published", [8, None])
def test_a_batch_checked_with_another_snapshot_is_not_added(
    redis_url: str, redis: Redis, published: int | None
) -> None:
    if published:
        redis.set(NAMES.snapshot_version, published)

    async def work(writer: InboxWriter) -> None:
        with pytest.raises(Stale):
            await writer.append(7, [BatchPart(PAYLOAD, 1)])

    _write(redis_url, redis, work)

    assert measure(redis).events == 0
    assert waiting_jobs(redis) == 0


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [("appendfsync", "everysec", "appendfsync"), ("maxmemory-policy", "allkeys-lru", "policy")],
)
def test_a_redis_that_may_lose_events_is_found_out(
    redis_url: str, redis: Redis, setting: str, value: str, named: str
) -> None:
    async def faults() -> list[str]:
        async with _client(redis_url) as client:
            return await durability_problems(client)

    assert asyncio.run(faults()) == []
    before = str(redis.config_get(setting)[setting])
    redis.config_set(setting, value)
    try:
        (fault,) = asyncio.run(faults())
    finally:
        redis.config_set(setting, before)

    assert named in fault
