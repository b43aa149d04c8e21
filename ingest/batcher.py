"""Batches events into flushes (group commit): events that arrive during a flush share the next.

One flush at a time, one entry a flush, one round trip. A request is answered when its flush is on
disk in Redis, or has failed. Nothing waits for a timer: an event alone is flushed at once.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from ingest.authentication import CredentialStore, Key
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
    """The limits of one batch, and of the events that may wait for the next."""

    batch_events_max: int
    batch_bytes_max: int
    waiting_events_max: int


@dataclass(slots=True)
class QueuedEvent:
    """A queued event: its credential, the snapshot version it was checked against, and a future.

    The sender awaits `done`, which tells whether the event's marker was seen before; without a
    marker, that it was not.
    """

    key: Key
    version: int | None
    encoded: bytes
    marker: SeenMarker | None
    done: asyncio.Future[bool] = field(repr=False)


class Batcher:
    """The queue of events and the one flush at a time that empties it.

    `append(version, payload, count, markers)` writes a batch; `refresh` loads the newest snapshot.
    """

    def __init__(
        self,
        append: Append,
        refresh: Callable[[], Awaitable[None]],
        credential_store: CredentialStore,
        gate: Gate,
        limits: BatchLimits,
    ) -> None:
        self._append = append
        self._refresh = refresh
        self._credential_store = credential_store
        self._gate = gate
        self._limits = limits
        self._queue: deque[QueuedEvent] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def add(self, event: Event, key: Key, marker: SeenMarker | None = None) -> bool:
        """Waits until the event is on disk; returns whether its marker was seen before.

        Raises Unavailable, Unauthorized, UnknownLink, UnknownApp.
        """
        self._gate.require_open()
        if len(self._queue) >= self._limits.waiting_events_max:
            raise Overloaded
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        queued = QueuedEvent(key, self._credential_store.version, encode_event(event), marker, done)
        if not self._queue:
            self._arrived.set()
            self._idle.clear()
        self._queue.append(queued)
        return await done

    @property
    def waiting(self) -> int:
        """Returns the number of events that wait for the next flush."""
        return len(self._queue)

    async def run(self) -> None:
        """Flushes until cancelled."""
        while True:
            await self._arrived.wait()
            await self._flush(self._next_batch())
            if not self._queue:
                self._arrived.clear()
                self._idle.set()

    async def finish(self) -> None:
        """Waits until the queue is empty: at shutdown, before `run` is cancelled."""
        await self._idle.wait()

    def _next_batch(self) -> list[QueuedEvent]:
        """Removes the next batch from the queue: at least one event, within both limits."""
        batch: list[QueuedEvent] = []
        size_bytes = 0
        while self._queue and len(batch) < self._limits.batch_events_max:
            size_bytes += len(self._queue[0].encoded)
            if batch and size_bytes > self._limits.batch_bytes_max:
                break
            batch.append(self._queue.popleft())
        return batch

    async def _flush(self, batch: list[QueuedEvent]) -> None:
        try:
            seen_before = iter(await self._write(batch))
        except Stale:
            _refuse(batch, NotReady())
        except InboxNotReplicated as refusal:
            # The batch is on one disk alone. The next would wait in vain too, until the watch
            # knows more.
            _log.warning("flush of %d events was not confirmed by enough replicas", len(batch))
            self._gate.durable = False
            _refuse(batch, refusal)
            self._refuse_queue(InboxNotDurable())
        except Exception as error:  # noqa: BLE001 - whatever it is, senders wait and more will come
            # Redis took nothing, or did not say so in time: nobody behind may wait for it either.
            _log.warning("flush of %d events failed: %s", len(batch), type(error).__name__)
            self._gate.note_unreachable()
            _refuse(batch, InboxUnreachable())
            self._refuse_queue(InboxUnreachable())
        else:
            for queued in batch:
                result = queued.marker is not None and next(seen_before)
                if not queued.done.done():  # otherwise its request was cancelled: nobody listens
                    queued.done.set_result(result)

    async def _write(self, batch: list[QueuedEvent]) -> list[bool]:
        """Returns for each marker, in order, whether it was seen before."""
        store = self._credential_store
        for _ in range(_STALE_TRIES_MAX):
            self._check_again(batch)
            version = store.version
            if version is None or not batch:
                break
            payload = join_events([queued.encoded for queued in batch])
            markers = [queued.marker for queued in batch if queued.marker is not None]
            try:
                added = await self._append(version, payload, len(batch), markers)
            except Stale:
                try:
                    await self._refresh()
                except msgspec.MsgspecError:
                    store.use(None)
            else:
                self._gate.note_backlog(added.backlog)
                return added.seen_before
        if batch:
            raise Stale("The snapshot keeps changing.")
        return []

    def _check_again(self, batch: list[QueuedEvent]) -> None:
        """Refuses events that an older snapshot authenticated and the present one does not."""
        version = self._credential_store.version
        for queued in [queued for queued in batch if queued.version != version]:
            try:
                self._credential_store.confirm(queued.key)
            except WaybillError as refusal:
                batch.remove(queued)
                _refuse([queued], refusal)

    def _refuse_queue(self, refusal: WaybillError) -> None:
        _refuse(self._queue, refusal)
        self._queue.clear()


def _refuse(events: Sequence[QueuedEvent], refusal: WaybillError) -> None:
    for queued in events:
        if not queued.done.done():
            queued.done.set_exception(refusal)
