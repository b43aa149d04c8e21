"""Batches events into flushes (group commit): events that arrive during a flush share the next.

One flush at a time, one round trip, one entry a flush, and one more for each app that has no room
in the inbox. A request is answered when its flush is on
disk in Redis, or has failed. Nothing waits for a timer: an event alone is flushed at once. The
events of one batch request are never split: they are in one flush, in their order.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import msgspec

from ingest.credential_store import CredentialStore, Key
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
from shared.events import Event, encode_event, join_parts
from shared.inbox import Appended, BatchPart
from shared.limits.app_shares import app_counts_text
from shared.lines.recent_ids import RecentId
from shared.privacy.truncation import as_stored
from shared.seen import SeenMarker

_STALE_TRIES_MAX = 5

_log = logging.getLogger(__name__)

Append = Callable[
    [int, Sequence[BatchPart], Sequence[SeenMarker], Sequence[RecentId]], Awaitable[Appended]
]


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The limits of one batch, and of the events that may wait for the next."""

    batch_events_max: int
    batch_bytes_max: int
    waiting_events_max: int


class EventUnit(msgspec.Struct, frozen=True, gc=False):
    """Encoded events that are written together or not at all: one, or those of a batch request.

    `keys` are their credentials, and `apps` the events of each app, each once.
    """

    keys: tuple[Key, ...]
    encoded: bytes
    count: int = 1
    markers: tuple[SeenMarker, ...] = ()
    ids: tuple[RecentId, ...] = ()
    apps: tuple[tuple[int, int], ...] = ()


class FlushResult(NamedTuple):
    """The knowledge of Redis about a unit: whether its last marker was seen before, and its IDs."""

    is_seen: bool = False
    firsts: Sequence[bytes] = ()


class QueuedUnit(msgspec.Struct, eq=False):
    """A queued unit: the snapshot version it was checked against, and what its sender awaits."""

    unit: EventUnit
    version: int | None
    done: "asyncio.Future[FlushResult]"

    def answer(self, seen_before: Iterator[bool], firsts: Iterator[bytes]) -> None:
        """Tells the sender what Redis knew of its events, and takes that from what it answered."""
        unit, result = self.unit, _NOTHING_KNOWN
        if unit.markers or unit.ids:
            seen = list(islice(seen_before, len(unit.markers)))
            result = FlushResult(bool(seen and seen[-1]), list(islice(firsts, len(unit.ids))))
        if not self.done.done():  # otherwise its request was cancelled: nobody listens
            self.done.set_result(result)


_NOTHING_KNOWN = FlushResult()


class Batcher:
    """The queue of events and the one flush at a time that empties it.

    `append(version, parts, markers, ids)` writes a batch; `refresh` loads the newest snapshot.
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
        self._apps_over: set[int] = set()  # that had no room in the inbox when last asked
        self._queue: deque[QueuedUnit] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def add(self, event: Event, key: Key, marker: SeenMarker | None = None) -> bool:
        """Waits until the event is on disk; returns whether its marker was seen before.

        Raises Unavailable, Unauthorized, UnknownLink, UnknownApp.
        """
        return (await self.queue(event, key, marker)).is_seen

    def queue(
        self, event: Event, key: Key, marker: SeenMarker | None = None
    ) -> "asyncio.Future[FlushResult]":
        """Queues an event; the future raises as `add` does. Raises Unavailable."""
        markers = () if marker is None else (marker,)
        encoded = encode_event(as_stored(event, self.truncating_apps))
        return self._queue_unit(EventUnit((key,), encoded, 1, markers, (), ((event.app_id, 1),)))

    @property
    def truncating_apps(self) -> frozenset[int]:
        """Returns the apps that store no complete addresses, as far as this process knows."""
        snapshot = self._credential_store.snapshot
        return frozenset() if snapshot is None else snapshot.truncating_apps

    async def add_unit(self, unit: EventUnit) -> FlushResult:
        """Waits until all events of the unit are on disk.

        Raises Unavailable; Unauthorized, UnknownLink, UnknownApp if any of its keys is no longer
        valid, and then nothing is written.
        """
        return await self._queue_unit(unit)

    def _queue_unit(self, unit: EventUnit) -> "asyncio.Future[FlushResult]":
        self.require_room()
        self._loop = self._loop or asyncio.get_running_loop()  # which takes a system call
        done: asyncio.Future[FlushResult] = self._loop.create_future()
        if not self._queue:
            self._arrived.set()
            self._idle.clear()
        self._queue.append(QueuedUnit(unit, self._credential_store.version, done))
        return done

    def require_room(self) -> None:
        """Raises Unavailable while nothing more can be accepted."""
        self._gate.require_open()
        if len(self._queue) >= self._limits.waiting_events_max:
            raise Overloaded

    @property
    def waiting(self) -> int:
        """Returns the number of requests that wait for the next flush."""
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

    def _next_batch(self) -> list[QueuedUnit]:
        """Removes the next batch from the queue: at least one unit, within both limits."""
        batch: list[QueuedUnit] = []
        limits, size_bytes, events = self._limits, 0, 0
        while self._queue:
            unit = self._queue[0].unit
            size_bytes += len(unit.encoded)
            events += unit.count
            if batch and (size_bytes > limits.batch_bytes_max or events > limits.batch_events_max):
                break
            batch.append(self._queue.popleft())
        return batch

    async def _flush(self, batch: list[QueuedUnit]) -> None:
        events = sum(queued.unit.count for queued in batch)
        try:
            added = await self._write(batch)
        except Stale:
            _refuse(batch, NotReady())
        except InboxNotReplicated as refusal:
            # The batch is on one disk alone. The next would wait in vain too, until the watch
            # knows more.
            _log.warning("flush of %d events was not confirmed by enough replicas", events)
            self._gate.durable = False
            _refuse(batch, refusal)
            self._refuse_queue(InboxNotDurable())
        except Exception as error:  # noqa: BLE001 - whatever it is, senders wait and more will come
            # Redis took nothing, or did not say so in time: nobody behind may wait for it either.
            _log.warning("flush of %d events failed: %s", events, type(error).__name__)
            self._gate.note_unreachable()
            _refuse(batch, InboxUnreachable())
            self._refuse_queue(InboxUnreachable())
        else:
            seen_before = iter(added.seen_before if added else ())
            firsts = iter(added.firsts if added else ())
            for queued in batch:
                queued.answer(seen_before, firsts)

    async def _write(self, batch: list[QueuedUnit]) -> Appended | None:
        """Returns what Redis answered, in the order of the batch; None if nothing was left."""
        store = self._credential_store
        for _ in range(_STALE_TRIES_MAX):
            self._check_again(batch)
            version = store.version
            if version is None or not batch:
                break
            units = [queued.unit for queued in batch]
            parts = batch_parts(units, self._apps_over)
            markers = [marker for unit in units for marker in unit.markers]
            ids = [recent for unit in units for recent in unit.ids]
            try:
                added = await self._append(version, parts, markers, ids)
            except Stale:
                try:
                    await self._refresh()
                except msgspec.MsgspecError:
                    store.use(None)
            else:
                self._gate.note_backlog(added.backlog)
                if added.over or self._apps_over:
                    self._apps_over -= {app_id for unit in units for app_id, _ in unit.apps}
                    self._apps_over |= {int(app_id) for app_id in added.over.split(",") if app_id}
                return added
        if batch:
            raise Stale("The snapshot keeps changing.")
        return None

    def _check_again(self, batch: list[QueuedUnit]) -> None:
        """Refuses units that an older snapshot authenticated and the present one does not."""
        version = self._credential_store.version
        for queued in [queued for queued in batch if queued.version != version]:
            try:
                for key in queued.unit.keys:
                    self._credential_store.confirm(key)
            except WaybillError as refusal:
                batch.remove(queued)
                _refuse([queued], refusal)

    def _refuse_queue(self, refusal: WaybillError) -> None:
        _refuse(self._queue, refusal)
        self._queue.clear()


def batch_parts(units: Sequence[EventUnit], apps_over: AbstractSet[int]) -> list[BatchPart]:
    """Splits a batch, so that an app which has no room in the inbox can be parked alone."""
    grouped: dict[int | None, list[EventUnit]] = {}
    if apps_over:
        for unit in units:
            alone = next((app_id for app_id, _ in unit.apps if app_id in apps_over), None)
            grouped.setdefault(alone, []).append(unit)
    else:
        grouped[None] = list(units)
    parts = []
    for app_over, of_part in grouped.items():
        events_by_app: dict[int, int] = {}
        for unit in of_part:
            for app_id, events in unit.apps:
                events_by_app[app_id] = events_by_app.get(app_id, 0) + events
        count = sum(unit.count for unit in of_part)
        alone = next(iter(events_by_app)) if len(events_by_app) == 1 else app_over
        parts.append(
            BatchPart(
                join_parts([unit.encoded for unit in of_part], count),
                count,
                app_counts_text(events_by_app),
                "" if alone is None else str(alone),
            )
        )
    return parts


def _refuse(units: Sequence[QueuedUnit], refusal: WaybillError) -> None:
    for queued in units:
        if not queued.done.done():
            queued.done.set_exception(refusal)
