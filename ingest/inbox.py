"""Writes batches to the inbox.

One script adds a batch, checks the snapshot that it was checked with, and wakes a worker.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, cast

from ingest.telemetry.counts import FlushCounts
from shared.clock import Clock
from shared.errors import InboxNotReplicated, WaybillError
from shared.events import WIRE_VERSION, decode_events
from shared.inbox import (
    APPEND,
    Appended,
    BatchPart,
    append_arguments,
    append_keys,
    read_append_reply,
)
from shared.lines.recent_ids import RecentId, id_arguments
from shared.logs import note
from shared.redis import AsyncRedis, Redis, RedisError, SlotMoved
from shared.rq_queue import enqueue
from shared.seen import SeenMarker
from shared.tally import Tally

_log = logging.getLogger(__name__)


class Stale(WaybillError):
    """The snapshot that a batch was checked with is no longer the newest: check it again."""

    code = "stale_snapshot"
    status = 503


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The number of replicas that have to confirm a batch, and how long to wait for them."""

    replicas_min: int = 0
    wait_ms_max: int = 0


class InboxWriter:
    """A writer to the inbox. `redis` writes; `rq` is a second, blocking connection, as RQ needs."""

    def __init__(
        self,
        redis: AsyncRedis,
        rq: Redis,
        now: Clock,
        confirmation: Confirmation = Confirmation(),
        flushes: FlushCounts | None = None,
    ) -> None:
        self._redis = redis
        self._now = now
        self._script = redis.register_script(APPEND)
        self._rq = rq
        self._confirmation = confirmation
        self._flushes = flushes or FlushCounts(Tally())
        self._wakings: set[asyncio.Task[None]] = set()

    async def append(
        self,
        version: int,
        parts: Sequence[BatchPart],
        markers: Sequence[SeenMarker] = (),
        ids: Sequence[RecentId] = (),
    ) -> Appended:
        """Returns once the batch is on disk, and on the replicas' disks where that is asked for.

        Raises Stale, RedisError; InboxNotReplicated when the batch is on the primary alone.
        """
        keys = append_keys(self._redis.names, parts, markers, self._now())
        arguments = append_arguments(str(version), parts, WIRE_VERSION, markers)
        arguments += id_arguments(ids)
        count = sum(part.events for part in parts)
        begun = monotonic()
        try:
            answer, replicas = await self._run_script(keys, arguments)
        except (RedisError, OSError):
            self._flushes.count_failed()
            raise
        added = read_append_reply(answer, len(markers))
        if added is None:
            raise Stale("The snapshot has changed.")
        self._flushes.count_written(count, begun)
        if _log.isEnabledFor(logging.DEBUG):
            # One line a flush, by which a receipt leads to its entries, and these to their drains.
            note(
                _log,
                logging.DEBUG,
                "flushed",
                entry=added.entry,
                events=count,
                backlog=added.backlog,
                milliseconds=round((monotonic() - begun) * 1000),
                receipts=[e.receipt for part in parts for e in decode_events(part.payload)],
            )
        if added.woke:
            self.wake("drain")
        if replicas < self._confirmation.replicas_min:
            raise InboxNotReplicated
        return added

    async def _run_script(
        self, keys: Sequence[str], arguments: Sequence[Any]
    ) -> tuple[list[Any], int]:
        """Returns the answer of the script, and how many replicas have confirmed the batch."""
        try:
            return await self._run_script_once(keys, arguments)
        except SlotMoved:  # nothing was added, and the next connection leads to the new node
            return await self._run_script_once(keys, arguments)

    async def _run_script_once(
        self, keys: Sequence[str], arguments: Sequence[Any]
    ) -> tuple[list[Any], int]:
        if not self._confirmation.replicas_min:
            return cast("list[Any]", await self._script(keys=keys, args=arguments)), 0
        # One round trip. The whole script is sent: a pipeline cannot ask whether Redis has it.
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.eval(APPEND, len(keys), *keys, *arguments)
            pipeline.wait(self._confirmation.replicas_min, self._confirmation.wait_ms_max)
            answer, replicas = await pipeline.execute()
        return answer, int(replicas)

    def wake(self, job: str) -> None:
        """Enqueues a job in a thread: RQ's client blocks, and no answer waits for this."""
        task = asyncio.create_task(asyncio.to_thread(self._enqueue, job))
        self._wakings.add(task)
        task.add_done_callback(self._wakings.discard)

    def _enqueue(self, job: str) -> None:
        try:
            enqueue(self._rq, job)
        except RedisError:
            _log.warning("could not enqueue a job; the sweep will")

    async def close(self) -> None:
        """Waits for wake-ups that are under way."""
        await asyncio.gather(*self._wakings)
