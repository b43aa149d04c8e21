"""Watching Redis: what a process learns without any traffic."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from ingest.credential_store import CredentialStore
from ingest.gate import Gate, LoadLimits
from ingest.watch import Watch
from shared.errors import InboxUnreachable
from tests.support.build import SECRET_KEY, grant, now, snapshot
from tests.support.fake_redis import FakeServer, FakeStrictRedis
from tests.support.redis_names import NAMES
from tests.unit.ingest.harness import TellingRedis, publish
from tests.unit.loop import ended, in_loop, until


@dataclass
class Watched:
    redis: FakeStrictRedis
    telling: TellingRedis
    credential_store: CredentialStore
    gate: Gate
    watch: Watch

    def run(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.watch.run())


@asynccontextmanager
async def watching(strict: bool = True, key: bytes = SECRET_KEY) -> AsyncIterator[Watched]:
    """Builds a watch that does not run yet; what the test starts is stopped at its end."""
    server = FakeServer()
    redis, telling = FakeStrictRedis(server=server), TellingRedis(server)
    publish(redis, snapshot())
    credential_store, gate = CredentialStore(key, now), Gate(LoadLimits(1000, 70))
    before = asyncio.all_tasks()
    yield Watched(
        redis, telling, credential_store, gate, Watch(telling, credential_store, gate, strict)
    )
    for task in asyncio.all_tasks() - before:
        await ended(task)
    await telling.aclose()


@in_loop
async def test_a_process_learns_all_that_it_needs_to_serve() -> None:
    async with watching() as watched:
        assert (watched.gate.durable, watched.credential_store.version) == (False, None)

        watched.run()
        await until(lambda: watched.gate.reachable)

        assert (watched.gate.durable, watched.credential_store.version) == (True, 1)


@in_loop
async def test_a_start_waits_until_the_tokens_are_known() -> None:
    async with watching() as watched:
        watched.redis.delete(NAMES.snapshot_version, NAMES.snapshot)
        watched.run()
        start = asyncio.create_task(watched.watch.await_snapshot(60.0))
        await until(lambda: watched.gate.reachable)
        assert not start.done()

        publish(watched.redis, snapshot())

        await start
        assert watched.credential_store.version == 1


@in_loop
async def test_a_start_without_redis_waits_no_longer_than_it_may() -> None:
    async with watching() as watched:
        watched.telling.server.connected = False
        watched.run()

        await watched.watch.await_snapshot(0.05)

        assert watched.credential_store.version is None


@in_loop
async def test_a_change_is_seen_without_any_traffic() -> None:
    async with watching() as watched:
        watched.run()
        await until(lambda: watched.credential_store.version == 1)

        publish(watched.redis, snapshot(2, other=grant()))

        await until(lambda: watched.credential_store.version == 2)


@in_loop
async def test_a_redis_that_has_lost_the_snapshot_leaves_none_in_memory() -> None:
    async with watching() as watched:
        watched.run()
        await until(lambda: watched.credential_store.version == 1)

        watched.redis.delete(NAMES.snapshot_version, NAMES.snapshot)

        await until(lambda: watched.credential_store.version is None)
        assert watched.gate.reachable


@in_loop
async def test_a_redis_that_is_lost_closes_the_gate_and_opens_it_when_it_returns(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with watching() as watched:
        watched.run()
        await until(lambda: watched.gate.reachable)

        watched.telling.server.connected = False
        await until(lambda: not watched.gate.reachable)
        assert "Redis does not answer" in caplog.text

        watched.telling.server.connected = True
        await until(lambda: watched.gate.reachable)


@in_loop
async def test_a_snapshot_that_cannot_be_read_closes_the_gate() -> None:
    async with watching() as watched:
        watched.run()
        await until(lambda: watched.gate.reachable)

        watched.redis.mset({NAMES.snapshot: b"\xc1", NAMES.snapshot_version: 2})

        await until(lambda: not watched.gate.reachable)


@in_loop
async def test_a_long_backlog_sheds_without_any_traffic() -> None:
    async with watching() as watched:
        watched.redis.set(NAMES.backlog, 1000)

        watched.run()

        await until(lambda: watched.gate.shedding)


@in_loop
async def test_a_full_memory_sheds_without_any_traffic() -> None:
    async with watching() as watched:
        watched.telling.sections["memory"] = {"used_memory": 700, "maxmemory": 1000}

        watched.run()

        await until(lambda: watched.gate.shedding)


@pytest.mark.parametrize(("strict", "durable"), [(True, False), (False, True)])
@in_loop
async def test_a_redis_that_is_not_durable_will_do_only_where_that_was_chosen(
    strict: bool, durable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(strict) as watched:
        watched.telling.configuration["appendfsync"] = "everysec"

        watched.run()
        await until(lambda: watched.gate.reachable)

        assert watched.gate.durable is durable
        assert "appendfsync everysec; it must be always" in caplog.text


@in_loop
async def test_a_redis_made_durable_is_found_so() -> None:
    async with watching() as watched:
        watched.telling.configuration["appendonly"] = "no"
        watched.run()
        await until(lambda: watched.gate.reachable)
        assert not watched.gate.durable

        watched.telling.configuration["appendonly"] = "yes"

        await until(lambda: watched.gate.durable)


@in_loop
async def test_tokens_made_under_another_key_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    async with watching(key=b"another installation key, 32 chr") as watched:
        watched.run()
        await until(lambda: watched.credential_store.version == 1)

        assert "another WAYBILL_SECRET_KEY" in caplog.text


@in_loop
async def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with watching(key=b"another installation key, 32 chr") as watched:
        watched.run()
        await until(lambda: watched.gate.reachable)
        watched.telling.server.connected = False
        await until(lambda: not watched.gate.reachable)

        assert caplog.text
        assert "installation key, 32" not in caplog.text


@in_loop
async def test_to_catch_up_is_to_see_the_newest_snapshot_at_once() -> None:
    async with watching() as watched:
        watched.run()
        await until(lambda: watched.gate.reachable)
        publish(watched.redis, snapshot(2))

        await watched.watch.catch_up()

        assert watched.credential_store.version == 2


@in_loop
async def test_many_that_catch_up_at_once_share_one_look() -> None:
    async with watching() as watched:
        watched.run()
        await until(lambda: watched.gate.reachable)
        publish(watched.redis, snapshot(2))

        await asyncio.gather(*[watched.watch.catch_up() for _ in range(100)])

        assert watched.credential_store.version == 2


@in_loop
async def test_one_who_stops_waiting_does_not_stop_the_look_of_the_others() -> None:
    async with watching() as watched:
        watched.run()
        await until(lambda: watched.gate.reachable)
        publish(watched.redis, snapshot(2))

        leaving = asyncio.create_task(watched.watch.catch_up())
        staying = asyncio.create_task(watched.watch.catch_up())
        await asyncio.sleep(0)
        leaving.cancel()
        await staying

        assert watched.credential_store.version == 2


@in_loop
async def test_nobody_can_catch_up_with_a_redis_that_does_not_answer() -> None:
    async with watching() as watched:
        watched.run()
        await until(lambda: watched.gate.reachable)
        watched.telling.server.connected = False

        with pytest.raises(InboxUnreachable):
            await watched.watch.catch_up()
