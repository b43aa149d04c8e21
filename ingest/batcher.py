"""Group commit: requests that arrive while a flush is under way share the next one.

One flush at a time, one entry a flush, one round trip. A request is answered when its flush is on
disk in Redis, or has failed. Nothing waits for a timer: alone, an event is flushed at once.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from ingest.credentials import CredentialStore, Key
from ingest.gate import Gate
from ingest.inbox import Stale
from shared.errors import (
    InboxNotDurable,
    InboxNotReplicated,
    InboxUnreachable,
    NotReady,
    Overloaded,
    WaybillError,
)
from shared.events import Event, encode_event, join_events
from shared.inbox import Appended
from shared.seen import SeenMarker

_STALE_TRIES_MAX = 5

_log = logging.getLogger(__name__)

Append = Callable[[int, bytes, int, Sequence[SeenMarker]], Awaitable[Appended]]


@dataclass(frozen=True, slots=True)
class BatchLimits:
    batch_events_max: int
    batch_bytes_max: int
    waiting_events_max: int


@dataclass(slots=True)
class Waiting:
    """An event whose sender waits, what let it in, and by which snapshot it did.

    `done` tells whether its mark stood before; without one, that it did not.
    """

    key: Key
    version: int | None
    encoded: bytes
    mark: SeenMarker | None
    done: asyncio.Future[bool] = field(repr=False)


class Batcher:
    """`append(version, payload, count, marks)` writes a batch.

    `refresh` takes the newest snapshot.
    """

    def __init__(
        self,
        append: Append,
        refresh: Callable[[], Awaitable[None]],
        grants: CredentialStore,
        gate: Gate,
        limits: BatchLimits,
    ) -> None:
        self._append = append
        self._refresh = refresh
        self._grants = grants
        self._gate = gate
        self._limits = limits
        self._waiting: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def add(self, event: Event, key: Key, mark: SeenMarker | None = None) -> bool:
        """Whether its mark stood before, once the event is on disk.

        Raises Unavailable, Unauthorized, UnknownLink, UnknownApp.
        """
        self._gate.pass_through()
        if len(self._waiting) >= self._limits.waiting_events_max:
            raise Overloaded
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        waiting = Waiting(key, self._grants.version, encode_event(event), mark, done)
        if not self._waiting:
            self._arrived.set()
            self._idle.clear()
        self._waiting.append(waiting)
        return await done

    @property
    def waiting(self) -> int:
        """Requests that wait for the next flush."""
        return len(self._waiting)

    async def run(self) -> None:
        """Flush until cancelled."""
        while True:
            await self._arrived.wait()
            await self._flush(self._take())
            if not self._waiting:
                self._arrived.clear()
                self._idle.set()

    async def finish(self) -> None:
        """Wait until nothing waits: at shutdown, before `run` is cancelled."""
        await self._idle.wait()

    def _take(self) -> list[Waiting]:
        """The next batch: at least one event, within both limits."""
        batch: list[Waiting] = []
        size_bytes = 0
        while self._waiting and len(batch) < self._limits.batch_events_max:
            size_bytes += len(self._waiting[0].encoded)
            if batch and size_bytes > self._limits.batch_bytes_max:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _flush(self, batch: list[Waiting]) -> None:
        try:
            stood = await self._write(batch)
        except Stale:
            _refuse(batch, NotReady())
        except InboxNotReplicated as refusal:
            self._doubt(batch, refusal)
        except Exception as fault:  # noqa: BLE001 - whatever it is, senders wait and more will come
            self._fail(batch, fault)
        else:
            _accept(batch, stood)

    async def _write(self, batch: list[Waiting]) -> list[bool]:
        """For each mark, in order, whether it stood before."""
        for _ in range(_STALE_TRIES_MAX):
            self._check_again(batch)
            version = self._grants.version
            if version is None or not batch:
                break
            payload = join_events([waiting.encoded for waiting in batch])
            marks = [waiting.mark for waiting in batch if waiting.mark is not None]
            try:
                added = await self._append(version, payload, len(batch), marks)
            except Stale:
                await self._take_snapshot()
            else:
                self._gate.appended(added.backlog)
                return added.stood
        if batch:
            raise Stale("The snapshot keeps changing.")
        return []

    async def _take_snapshot(self) -> None:
        try:
            await self._refresh()
        except msgspec.MsgspecError:
            self._grants.take(None)

    def _check_again(self, batch: list[Waiting]) -> None:
        """Refuse those whom an older snapshot let in and the one that holds does not."""
        version = self._grants.version
        for waiting in [waiting for waiting in batch if waiting.version != version]:
            try:
                self._grants.confirm(waiting.key)
            except WaybillError as refusal:
                batch.remove(waiting)
                _refuse([waiting], refusal)

    def _fail(self, batch: list[Waiting], fault: Exception) -> None:
        """Redis took nothing, or did not say so in time: nobody behind may wait for it either."""
        _log.warning("flush of %d events failed: %s", len(batch), type(fault).__name__)
        self._gate.lost()
        _refuse([*batch, *self._waiting], InboxUnreachable())
        self._waiting.clear()

    def _doubt(self, batch: list[Waiting], refusal: InboxNotReplicated) -> None:
        """It is on one disk alone; the next would wait for nothing too, until the watch knows."""
        _log.warning("flush of %d events was not confirmed by enough replicas", len(batch))
        self._gate.durable = False
        _refuse(batch, refusal)
        _refuse([*self._waiting], InboxNotDurable())
        self._waiting.clear()


def _accept(batch: list[Waiting], stood: list[bool]) -> None:
    told = iter(stood)
    for waiting in batch:
        stood_before = waiting.mark is not None and next(told)
        if not waiting.done.done():  # else its request was cancelled: nobody listens
            waiting.done.set_result(stood_before)


def _refuse(batch: list[Waiting], refusal: WaybillError) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_exception(refusal)
