"""Group commit: which events share a flush, and the answer that each gets."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from ingest.batcher import Batcher, BatchLimits, EventUnit, FlushResult, batch_parts
from ingest.credential_store import CredentialStore, TokenKey
from ingest.gate import Gate, Load, LoadLimits
from ingest.inbox import Stale
from shared.errors import (
    InboxNotDurable,
    InboxNotReplicated,
    InboxUnreachable,
    NotReady,
    Overloaded,
    Unauthorized,
)
from shared.events import decode_events, encode_event, join_parts
from shared.inbox import Appended, BatchPart
from shared.lines.recent_ids import RecentId
from shared.redis import RedisError
from shared.seen import SeenMarker
from shared.snapshot import Snapshot
from tests.support.build import SECRET_KEY, TOKEN, digest, event, grant, now, snapshot
from tests.unit.loop import ended, in_loop, until

OK = bool  # what `add` returns
TWO_TOKENS = snapshot(1, kept=grant(), revoked=grant(token_id=2))
ONE_TOKEN = snapshot(2, kept=grant())
LIMITS = BatchLimits(batch_events_max=100, batch_bytes_max=100_000, waiting_events_max=1000)


def limited(**limits: int) -> BatchLimits:
    return replace(LIMITS, **limits)


@dataclass
class Disk:
    """An inbox that answers when the test lets it, and fails or is stale as the test says."""

    version: int = 1
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    begun: int = 0
    batches: list[list[str]] = field(default_factory=list)
    faults: deque[Exception] = field(default_factory=deque)
    markers: set[SeenMarker] = field(default_factory=set)
    ids: dict[bytes, bytes] = field(default_factory=dict)

    async def append(
        self,
        version: int,
        parts: Sequence[BatchPart],
        markers: Sequence[SeenMarker],
        ids: Sequence[RecentId],
    ) -> Appended:
        self.begun += 1
        is_stale = version != self.version
        await self.is_open.wait()
        if self.faults:
            raise self.faults.popleft()
        if is_stale:
            raise Stale("The snapshot has changed.")
        for part in parts:
            self.batches.append([event.user_id for event in decode_events(part.payload)])
            assert len(self.batches[-1]) == part.events
        seen_before = [marker in self.markers for marker in markers]
        self.markers |= set(markers)
        firsts = [self.ids.get(recent.name, b"") for recent in ids]
        self.ids = {recent.name: recent.value for recent in ids} | self.ids
        return Appended(sum(map(len, self.batches)), False, seen_before, "1-0", firsts)


@dataclass
class Bench:
    disk: Disk
    gate: Gate
    credential_store: CredentialStore
    batcher: Batcher
    published: list[Snapshot | Exception]

    def send(self, user: str, token: str = TOKEN) -> asyncio.Task[bool]:
        return asyncio.create_task(self.batcher.add(event(user_id=user), TokenKey(digest(token))))

    async def begin(self, *users: str) -> list[asyncio.Task[bool]]:
        """Starts the flush of the first one and lets the others wait."""
        sent = [self.send(users[0])]
        begun = self.disk.begun
        await until(lambda: self.disk.begun > begun)
        sent += [self.send(user) for user in users[1:]]
        await asyncio.sleep(0)
        return sent


@asynccontextmanager
async def batching(
    limits: BatchLimits = LIMITS, held: Snapshot | None = None
) -> AsyncIterator[Bench]:
    disk, credential_store, gate = (
        Disk(),
        CredentialStore(SECRET_KEY, now),
        Gate(LoadLimits(1_000_000, 70)),
    )
    credential_store.use(held or snapshot())
    gate.durable = True
    gate.note_load(Load(0, 0, 0))
    published: list[Snapshot | Exception] = []

    async def refresh() -> None:
        newest = published[-1]
        if isinstance(newest, Exception):
            raise newest
        credential_store.use(newest)

    batcher = Batcher(disk.append, refresh, credential_store, gate, limits)
    flushing = asyncio.create_task(batcher.run())
    yield Bench(disk, gate, credential_store, batcher, published)
    await ended(flushing)


@in_loop
async def test_an_event_alone_is_flushed_at_once() -> None:
    async with batching() as bench:
        bench.disk.is_open.set()

        await bench.send("a")

        assert bench.disk.batches == [["a"]]


@in_loop
async def test_nobody_is_answered_before_the_event_is_on_disk() -> None:
    async with batching() as bench:
        (sent,) = await bench.begin("a")
        for _ in range(10):
            await asyncio.sleep(0)
        assert not sent.done()

        bench.disk.is_open.set()
        await sent

        assert bench.disk.batches == [["a"]]


@in_loop
async def test_events_that_arrive_during_a_flush_share_the_next_in_their_order() -> None:
    async with batching() as bench:
        sent = await bench.begin("a", "b", "c", "d")

        bench.disk.is_open.set()
        await asyncio.gather(*sent)

        assert bench.disk.batches == [["a"], ["b", "c", "d"]]


@in_loop
async def test_a_batch_holds_no_more_events_than_its_limit() -> None:
    async with batching(limited(batch_events_max=2)) as bench:
        sent = await bench.begin("a", "b", "c", "d", "e", "f")

        bench.disk.is_open.set()
        await asyncio.gather(*sent)

        assert bench.disk.batches == [["a"], ["b", "c"], ["d", "e"], ["f"]]


@in_loop
async def test_a_batch_holds_no_more_bytes_than_its_limit() -> None:
    two = 2 * len(encode_event(event(user_id="b")))
    async with batching(limited(batch_bytes_max=two)) as bench:
        sent = await bench.begin("a", "b", "c", "d")

        bench.disk.is_open.set()
        await asyncio.gather(*sent)

        assert bench.disk.batches == [["a"], ["b", "c"], ["d"]]


@in_loop
async def test_an_event_larger_than_a_batch_goes_alone() -> None:
    async with batching(limited(batch_bytes_max=1)) as bench:
        sent = await bench.begin("a", "b", "c")

        bench.disk.is_open.set()
        await asyncio.gather(*sent)

        assert bench.disk.batches == [["a"], ["b"], ["c"]]


@in_loop
async def test_more_than_may_wait_are_turned_away_at_once() -> None:
    async with batching(limited(waiting_events_max=2)) as bench:
        sent = await bench.begin("a", "b", "c")

        with pytest.raises(Overloaded):
            await bench.batcher.add(event(), TokenKey(digest()))

        bench.disk.is_open.set()
        await asyncio.gather(*sent)
        assert bench.disk.batches == [["a"], ["b", "c"]]


@pytest.mark.parametrize("fault", [RedisError(), TimeoutError(), ConnectionResetError()])
@in_loop
async def test_a_failed_flush_fails_all_that_wait(fault: Exception) -> None:
    async with batching() as bench:
        sent = await bench.begin("a", "b", "c")
        bench.disk.faults.append(fault)

        bench.disk.is_open.set()
        answers = await asyncio.gather(*sent, return_exceptions=True)

        assert [type(answer) for answer in answers] == [InboxUnreachable] * 3
        assert bench.disk.batches == []


@in_loop
async def test_an_unconfirmed_flush_is_told_as_such_and_those_behind_are_not_written() -> None:
    async with batching() as bench:
        sent = await bench.begin("a", "b", "c")
        bench.disk.faults.append(InboxNotReplicated())

        bench.disk.is_open.set()
        answers = await asyncio.gather(*sent, return_exceptions=True)

        assert [type(answer) for answer in answers] == [
            InboxNotReplicated,
            InboxNotDurable,
            InboxNotDurable,
        ]
        assert bench.disk.begun == 1


@in_loop
async def test_an_unconfirmed_flush_closes_the_gate_until_the_watch_opens_it() -> None:
    async with batching() as bench:
        bench.disk.faults.append(InboxNotReplicated())
        bench.disk.is_open.set()
        with pytest.raises(InboxNotReplicated):
            await bench.send("a")

        with pytest.raises(InboxNotDurable):
            await bench.send("b")

        bench.gate.durable = True
        await bench.send("c")
        assert bench.disk.batches == [["c"]]


@in_loop
async def test_a_failed_flush_closes_the_gate_until_redis_answers_again() -> None:
    async with batching() as bench:
        (sent,) = await bench.begin("a")
        bench.disk.faults.append(RedisError())
        bench.disk.is_open.set()
        await asyncio.gather(sent, return_exceptions=True)

        with pytest.raises(InboxUnreachable):
            await bench.send("b")

        bench.gate.note_load(Load(0, 0, 0))
        await bench.send("c")
        assert bench.disk.batches == [["c"]]


@in_loop
async def test_a_closed_gate_lets_no_event_wait() -> None:
    async with batching() as bench:
        bench.gate.note_unreachable()

        with pytest.raises(InboxUnreachable):
            await bench.send("a")
        assert bench.disk.begun == 0


@in_loop
async def test_the_backlog_that_a_flush_reports_can_close_the_gate() -> None:
    async with batching() as bench:
        bench.disk.batches.append(["waiting"] * 1_000_000)
        bench.disk.is_open.set()
        await bench.send("a")

        with pytest.raises(Overloaded):
            await bench.send("b")


@in_loop
async def test_a_stale_batch_is_checked_again_and_only_revoked_senders_are_refused() -> None:
    async with batching(held=TWO_TOKENS) as bench:
        bench.disk.version = 2
        bench.published.append(ONE_TOKEN)
        bench.disk.is_open.set()
        users = {"a": "kept", "b": "revoked", "c": "kept", "d": "revoked"}

        sent = [bench.send(user, token) for user, token in users.items()]
        answers = await asyncio.gather(*sent, return_exceptions=True)

        assert [type(answer) for answer in answers] == [OK, Unauthorized, OK, Unauthorized]
        assert bench.disk.batches == [["a", "c"]]


@in_loop
async def test_events_that_wait_while_the_flush_before_learns_of_a_change_are_checked_too() -> None:
    async with batching(held=TWO_TOKENS) as bench:
        bench.disk.version = 2
        bench.published.append(ONE_TOKEN)
        first = bench.send("a", "kept")
        await until(lambda: bench.disk.begun == 1)
        waiting = [bench.send("b", "revoked"), bench.send("c", "kept")]
        await asyncio.sleep(0)

        bench.disk.is_open.set()
        answers = await asyncio.gather(first, *waiting, return_exceptions=True)

        assert [type(answer) for answer in answers] == [OK, Unauthorized, OK]
        assert bench.disk.batches == [["a"], ["c"]]


@in_loop
async def test_events_that_wait_while_the_watch_learns_of_a_change_are_checked_too() -> None:
    async with batching(held=TWO_TOKENS) as bench:
        first = bench.send("a", "kept")
        await until(lambda: bench.disk.begun == 1)
        waiting = [bench.send("b", "revoked"), bench.send("c", "kept")]
        await asyncio.sleep(0)
        bench.disk.version = 2
        bench.published.append(ONE_TOKEN)
        bench.credential_store.use(ONE_TOKEN)

        bench.disk.is_open.set()
        answers = await asyncio.gather(first, *waiting, return_exceptions=True)

        assert [type(answer) for answer in answers] == [OK, Unauthorized, OK]
        assert bench.disk.batches == [["a"], ["c"]]


@in_loop
async def test_a_batch_of_revoked_senders_alone_writes_nothing() -> None:
    async with batching() as bench:
        bench.disk.version = 2
        bench.published.append(snapshot(2, other=grant()))
        bench.disk.is_open.set()

        with pytest.raises(Unauthorized):
            await bench.send("a")
        assert bench.disk.batches == []


@in_loop
async def test_a_snapshot_that_never_holds_still_is_given_up_as_not_ready() -> None:
    async with batching() as bench:
        bench.disk.version = 99
        bench.published.append(snapshot(2))
        bench.disk.is_open.set()

        with pytest.raises(NotReady):
            await bench.send("a")
        assert bench.disk.begun <= 10

        bench.disk.version = 2
        await bench.send("b")
        assert bench.disk.batches == [["b"]]


@in_loop
async def test_a_snapshot_that_cannot_be_read_makes_senders_wait_and_not_strangers() -> None:
    async with batching() as bench:
        bench.disk.version = 2
        bench.published.append(msgspec.DecodeError())
        bench.disk.is_open.set()

        with pytest.raises(NotReady):
            await bench.send("a")


@in_loop
async def test_a_redis_lost_while_the_snapshot_is_read_fails_all_that_wait() -> None:
    async with batching() as bench:
        bench.disk.version = 2
        bench.published.append(RedisError())
        sent = await bench.begin("a", "b")

        bench.disk.is_open.set()
        answers = await asyncio.gather(*sent, return_exceptions=True)

        assert [type(answer) for answer in answers] == [InboxUnreachable] * 2


@in_loop
async def test_a_sender_that_leaves_takes_nobody_with_it() -> None:
    async with batching() as bench:
        first, leaving, staying = await bench.begin("a", "b", "c")
        leaving.cancel()
        await asyncio.sleep(0)

        bench.disk.is_open.set()
        await asyncio.gather(first, staying)
        await bench.batcher.finish()

        assert leaving.cancelled()
        assert {"a", "c"} <= {user for batch in bench.disk.batches for user in batch}


@in_loop
async def test_finish_waits_until_nothing_waits() -> None:
    async with batching() as bench:
        sent = await bench.begin("a", "b", "c")
        finishing = asyncio.create_task(bench.batcher.finish())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not finishing.done()

        bench.disk.is_open.set()
        await finishing

        assert bench.disk.batches == [["a"], ["b", "c"]]
        await asyncio.gather(*sent)


@in_loop
async def test_finish_returns_at_once_when_nothing_waits() -> None:
    async with batching() as bench:
        await bench.batcher.finish()

        bench.disk.is_open.set()
        await bench.send("a")
        await bench.batcher.finish()


def unit(*users: str, tokens: Sequence[str] = (TOKEN,), ids: str = "", **more: Any) -> EventUnit:
    """Several events that have to stay together, with an ID for each letter of `ids`."""
    encoded = b"".join(encode_event(event(user_id=user)) for user in users)
    recent = tuple(RecentId(letter.encode(), letter.upper().encode()) for letter in ids)
    keys = tuple(TokenKey(digest(token)) for token in tokens)
    return EventUnit(keys, encoded, len(users), ids=recent, **more)


@in_loop
async def test_a_unit_is_never_split_and_the_order_is_kept() -> None:
    async with batching(limited(batch_events_max=3)) as bench:
        sent: list[asyncio.Task[Any]] = [*await bench.begin("a", "b", "c")]
        sent.append(asyncio.create_task(bench.batcher.add_unit(unit("d", "e"))))
        sent.append(asyncio.create_task(bench.batcher.add_unit(unit(*"fghijk"))))
        sent.append(bench.send("l"))
        await asyncio.sleep(0)
        bench.disk.is_open.set()
        await asyncio.gather(*sent)

        assert bench.disk.batches == [["a"], ["b", "c"], ["d", "e"], [*"fghijk"], ["l"]]


@in_loop
async def test_a_unit_that_is_larger_than_a_batch_is_written_alone() -> None:
    async with batching(limited(batch_bytes_max=1)) as bench:
        bench.disk.is_open.set()
        await bench.batcher.add_unit(unit(*"abc"))

        assert bench.disk.batches == [["a", "b", "c"]]


@in_loop
async def test_each_unit_of_a_flush_learns_of_its_own_ids() -> None:
    async with batching() as bench:
        bench.disk.ids = {b"y": b"first"}
        sent: list[asyncio.Task[Any]] = [*await bench.begin("a", "b")]
        units = [unit("c", "d", ids="xy"), unit("e"), unit("f", ids="y")]
        sent += [asyncio.create_task(bench.batcher.add_unit(each)) for each in units]
        await asyncio.sleep(0)
        bench.disk.is_open.set()
        results = await asyncio.gather(*sent)

        assert results[2:] == [
            FlushResult(False, [b"", b"first"]), FlushResult(), FlushResult(False, [b"first"]),
        ]  # fmt: skip


@in_loop
async def test_markers_and_ids_of_units_and_single_events_do_not_get_mixed_up() -> None:
    async with batching() as bench:
        known, new = SeenMarker(b"known"), SeenMarker(b"new")
        bench.disk.markers = {known}
        begun = await bench.begin("a")
        whole = asyncio.create_task(
            bench.batcher.add_unit(unit("b", "c", ids="x", markers=(known, new)))
        )
        single = asyncio.create_task(
            bench.batcher.add(event(user_id="d"), TokenKey(digest(TOKEN)), known)
        )
        await asyncio.sleep(0)
        bench.disk.is_open.set()
        await asyncio.gather(*begun)

        assert await whole == FlushResult(False, [b""])
        assert await single is True


@in_loop
async def test_a_unit_one_of_whose_keys_was_revoked_is_not_written_at_all() -> None:
    async with batching(held=TWO_TOKENS) as bench:
        bench.disk.version, bench.published[:] = 2, [ONE_TOKEN]
        bench.disk.is_open.set()

        with pytest.raises(Unauthorized):
            await bench.batcher.add_unit(unit("a", "b", tokens=("kept", "revoked")))
        await bench.batcher.add_unit(unit("c", "d", tokens=("kept",)))
        assert bench.disk.batches == [["c", "d"]]


@in_loop
async def test_a_unit_is_turned_away_like_an_event_while_there_is_no_room() -> None:
    async with batching(limited(waiting_events_max=1)) as bench:
        begun = await bench.begin("a", "b")
        with pytest.raises(Overloaded):
            await bench.batcher.add_unit(unit("c"))
        with pytest.raises(Overloaded):
            bench.batcher.require_room()
        bench.disk.is_open.set()
        await asyncio.gather(*begun)


def test_the_parts_of_a_unit_are_events_of_a_batch() -> None:
    whole = unit("a", "b")

    payload = join_parts([whole.encoded, encode_event(event(user_id="c"))], 3)
    assert [sent.user_id for sent in decode_events(payload)] == ["a", "b", "c"]


def unit_of(*apps: tuple[int, int]) -> EventUnit:
    events = [event(app_id=app_id) for app_id, count in apps for _ in range(count)]
    encoded = b"".join(map(encode_event, events))
    return EventUnit((), encoded, len(events), apps=apps)


def test_a_flush_is_one_entry_while_every_app_has_room() -> None:
    (part,) = batch_parts([unit_of((1, 2)), unit_of((2, 1)), unit_of((1, 1))], frozenset())

    assert (part.events, part.apps, part.alone) == (4, "1:3,2:1", "")


def test_a_flush_of_one_app_may_be_parked_for_it() -> None:
    (part,) = batch_parts([unit_of((7, 2)), unit_of((7, 1))], frozenset())

    assert (part.events, part.apps, part.alone) == (3, "7", "7")


def test_an_app_without_room_gets_an_entry_of_its_own_with_what_came_with_it() -> None:
    units = [unit_of((1, 2)), unit_of((2, 1)), unit_of((2, 3), (3, 1))]

    parts = batch_parts(units, {2})

    assert [(part.events, part.apps, part.alone) for part in parts] == [
        (2, "1", "1"),
        (5, "2:4,3:1", "2"),
    ]
    assert [[each.app_id for each in decode_events(part.payload)] for part in parts] == [
        [1, 1],
        [2, 2, 2, 2, 3],
    ]
