"""A process holds what is published, and loads of it what it does not hold."""

import asyncio
from typing import Any, ClassVar

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.snapshots import loader as loader_module
from ingest.snapshots.loader import SnapshotLoader
from shared.shards.snapshot_parts import decode_part, split, write_snapshot
from shared.snapshot import KnownApp, KnownLink, LinkKey, Snapshot, encode_snapshot
from tests.support.fake_redis import FakeAsyncRedis, FakeServer, FakeStrictRedis
from tests.support.redis_names import NAMES
from tests.unit.loop import in_loop
from tests.unit.shared.shards.test_snapshot_parts import whole
from tests.unit.shared.test_snapshot import snapshots

APPS = range(900)
DECODED: list[int] = []
APPS_2 = {"token": KnownApp(1)}
APPS_3 = {"token": KnownApp(1, adjust_refusals=True)}


def counting(data: bytes) -> Any:
    DECODED.append(len(data))
    return decode_part(data)


@given(st.lists(snapshots, min_size=1, max_size=6))
def test_after_any_changes_a_process_holds_what_was_published_last(
    versions: list[Snapshot],
) -> None:
    @in_loop
    async def run() -> None:
        server = FakeServer()
        writes, reads = FakeStrictRedis(server=server), FakeAsyncRedis(server=server)
        loader = SnapshotLoader()
        for version, each in enumerate(versions, 1):
            published = msgspec.structs.replace(each, version=version)
            write_snapshot(writes, split(published))
            assert await loader.load(reads) == published
        assert await SnapshotLoader().load(reads) == published
        await reads.aclose()

    run()


def large(version: int, refusing: int = -1) -> Snapshot:
    apps = {
        f"token {each}": KnownApp(each, adjust_refusals=each == refusing) for each in range(900)
    }
    links = {
        LinkKey(f"offer {each}", str(number)): KnownLink(number, each, "https://example.com/" * 5)
        for each in APPS
        for number in range(10)
    }
    return whole(version, apps=apps, links=links)


@in_loop
async def test_a_change_decodes_what_has_changed_and_others_get_their_turn_before(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(loader_module, "decode_part", counting)
    server = FakeServer()
    writes, reads = FakeStrictRedis(server=server), FakeAsyncRedis(server=server)
    write_snapshot(writes, split(large(1)))
    decoded_at_once: list[int] = []
    DECODED.clear()
    loading = asyncio.create_task(SnapshotLoader().load(reads))
    seen = 0
    while not loading.done():
        await asyncio.sleep(0)
        decoded_at_once.append(sum(DECODED[seen:]))
        seen = len(DECODED)

    assert len(DECODED) == len(APPS)
    assert max(decoded_at_once) < 2 * loader_module._AT_ONCE_BYTES_MAX
    assert sum(decoded_at_once) > 8 * loader_module._AT_ONCE_BYTES_MAX

    loader = SnapshotLoader()
    await loader.load(reads)
    write_snapshot(writes, split(large(2, refusing=7)))
    DECODED.clear()
    assert await loader.load(reads) == large(2, refusing=7)
    assert len(DECODED) == 1
    await reads.aclose()


@in_loop
async def test_a_snapshot_of_the_version_before_is_taken_and_parts_are_taken_after_it() -> None:
    server = FakeServer()
    writes, reads = FakeStrictRedis(server=server), FakeAsyncRedis(server=server)
    loader = SnapshotLoader()
    assert await loader.load(reads) is None
    write_snapshot(writes, split(whole(1)))
    assert await loader.load(reads) == whole(1)

    older = whole(2, grants={})
    writes.mset({NAMES.snapshot: encode_snapshot(older), NAMES.snapshot_version: 2})
    assert await loader.load(reads) == older
    write_snapshot(writes, split(whole(3)))
    assert await loader.load(reads) == whole(3)
    await reads.aclose()


@in_loop
async def test_a_part_that_is_newer_than_its_index_makes_a_process_look_again() -> None:
    server = FakeServer()
    writes = FakeStrictRedis(server=server)

    class Overtaken(FakeAsyncRedis):
        """Somebody publishes between the reading of the index and of its parts."""

        later: ClassVar = [whole(3, apps=APPS_3), whole(2, apps=APPS_2)]

        async def hmget(self, *arguments: Any) -> Any:
            if self.later:
                write_snapshot(writes, split(self.later.pop()))
            return await super().hmget(*arguments)

    write_snapshot(writes, split(whole(1)))
    reads = Overtaken(server=server)

    assert await SnapshotLoader().load(reads) == whole(3, apps=APPS_3)
    await reads.aclose()


@in_loop
async def test_parts_that_nobody_can_read_are_replaced_by_the_whole() -> None:
    server = FakeServer()
    writes, reads = FakeStrictRedis(server=server), FakeAsyncRedis(server=server)
    write_snapshot(writes, split(whole(1)))
    writes.delete(NAMES.snapshot_parts)

    assert await SnapshotLoader().load(reads) == whole(1)
    await reads.aclose()


@in_loop
async def test_two_that_load_at_once_end_with_the_newest() -> None:
    server = FakeServer()
    writes, reads = FakeStrictRedis(server=server), FakeAsyncRedis(server=server)
    loader = SnapshotLoader()
    write_snapshot(writes, split(large(1)))
    first = asyncio.create_task(loader.load(reads))
    await asyncio.sleep(0.01)
    write_snapshot(writes, split(whole(2)))
    second = asyncio.create_task(loader.load(reads))

    assert await second == whole(2)
    await first
    assert await loader.load(reads) == whole(2)
    await reads.aclose()
