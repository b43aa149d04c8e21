"""Ingest's side of the inbox, on a Redis in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ingest.inbox import InboxWriter, Stale
from shared.inbox import BatchPart
from shared.redis import RedisError, stream_entries
from shared.rq_queue import waiting_jobs
from tests.support.build import batch, event, now
from tests.support.fake_redis import FakeAsyncRedis, FakeServer, FakeStrictRedis
from tests.support.redis_names import NAMES
from tests.unit.ingest.harness import stored
from tests.unit.loop import in_loop

ONE = batch(event())


@asynccontextmanager
async def writing(
    rq: FakeStrictRedis | None = None,
) -> AsyncIterator[tuple[InboxWriter, FakeStrictRedis]]:
    """A writer to an inbox whose snapshot has version 1, and a client to look with."""
    server = FakeServer()
    writes, looks = FakeAsyncRedis(server=server), FakeStrictRedis(server=server)
    looks.set(NAMES.snapshot_version, 1)
    writer = InboxWriter(writes, rq or looks, now)
    yield writer, looks
    await writer.close()
    await writes.aclose()


@in_loop
async def test_a_batch_is_in_the_inbox_when_append_returns_the_backlog() -> None:
    async with writing() as (writer, redis):
        assert (await writer.append(1, [BatchPart(batch(event(), event()), 2)])).backlog == 2
        assert (await writer.append(1, [BatchPart(ONE, 1)])).backlog == 3
        assert stored(redis) == [event()] * 3


@in_loop
async def test_at_debug_a_flush_leaves_a_line_from_receipt_to_entry(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with writing() as (writer, redis):
        await writer.append(1, [BatchPart(ONE, 1)])
        with caplog.at_level("DEBUG", "ingest.inbox"):
            added = await writer.append(1, [BatchPart(batch(event(), event()), 2)])
        *_, (newest, _) = stream_entries(redis.xrange(NAMES.inbox))

    (line,) = [record for record in caplog.records if record.message == "flushed"]
    fields = line.__dict__["fields"]
    assert (fields["entry"], fields["events"]) == (newest.decode(), 2)
    assert added.entry == newest.decode()
    assert fields["receipts"] == [str(event().receipt)] * 2


@in_loop
async def test_a_batch_checked_with_another_snapshot_is_stale_and_not_written() -> None:
    async with writing() as (writer, redis):
        redis.set(NAMES.snapshot_version, 2)

        with pytest.raises(Stale):
            await writer.append(1, [BatchPart(ONE, 1)])
        assert redis.exists(NAMES.inbox) == 0
        await writer.close()
        assert waiting_jobs(redis) == 0


@in_loop
async def test_a_redis_that_has_lost_its_data_makes_every_batch_stale() -> None:
    async with writing() as (writer, redis):
        redis.flushall()

        with pytest.raises(Stale):
            await writer.append(1, [BatchPart(ONE, 1)])


@in_loop
async def test_any_number_of_batches_enqueue_one_drain() -> None:
    async with writing() as (writer, redis):
        for _ in range(5):
            await writer.append(1, [BatchPart(ONE, 1)])
        await writer.close()

        assert waiting_jobs(redis) == 1


@in_loop
async def test_a_batch_added_after_the_drain_has_ended_enqueues_another() -> None:
    async with writing() as (writer, redis):
        await writer.append(1, [BatchPart(ONE, 1)])
        redis.delete(NAMES.wake)
        await writer.append(1, [BatchPart(ONE, 1)])
        await writer.close()

        assert waiting_jobs(redis) == 2


@in_loop
async def test_an_event_is_kept_though_no_drain_could_be_enqueued() -> None:
    down = FakeServer()
    down.connected = False
    async with writing(rq=FakeStrictRedis(server=down)) as (writer, redis):
        assert (await writer.append(1, [BatchPart(ONE, 1)])).backlog == 1
        await writer.close()

        assert stored(redis) == [event()]


@in_loop
async def test_a_redis_that_does_not_answer_is_an_error_of_redis() -> None:
    server = FakeServer()
    server.connected = False
    redis = FakeAsyncRedis(server=server)
    writer = InboxWriter(redis, FakeStrictRedis(server=server), now)

    with pytest.raises(RedisError):
        await writer.append(1, [BatchPart(ONE, 1)])
    await redis.aclose()
