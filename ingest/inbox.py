"""Ingest's side of the inbox: one script writes a batch, checks its snapshot and wakes a worker."""

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
from shared.inbox import APPEND, APPEND_KEYS, Appended, append_arguments, appended
from shared.logs import note
from shared.redis import AsyncRedis, Redis, RedisError
from shared.rq_queue import enqueue
from shared.seen import SeenMarker
from shared.tally import Tally

_log = logging.getLogger(__name__)


class Stale(WaybillError):
    """The snapshot that the batch was checked with no longer holds: check again."""

    code = "stale_snapshot"
    status = 503


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How many replicas have to have a batch, and how long they are waited for."""

    replicas_min: int = 0
    wait_ms_max: int = 0


class InboxWriter:
    """`redis` writes; `rq` is a second, blocking connection, for RQ knows no other."""

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
        self, version: int, payload: bytes, count: int, marks: Sequence[SeenMarker] = ()
    ) -> Appended:
        """Once the batch is on disk, and on the replicas' where that is asked for.

        Raises Stale, RedisError; InboxNotReplicated when the batch is on the primary alone.
        """
        arguments = append_arguments(str(version), count, payload, WIRE_VERSION, marks, self._now())
        begun = monotonic()
        try:
            answer, replicas = await self._write(arguments)
        except (RedisError, OSError):
            self._flushes.failed()
            raise
        added = appended(answer)
        if added is None:
            raise Stale("The snapshot has changed.")
        self._flushes.written(count, begun)
        if _log.isEnabledFor(logging.DEBUG):
            self._note(added, payload, count, begun)
        if added.woke:
            self._wake()
        if replicas < self._confirmation.replicas_min:
            raise InboxNotReplicated
        return added

    def _note(self, added: Appended, payload: bytes, count: int, begun: float) -> None:
        """A line a flush, by which a receipt leads to its entry, and the entry to its drain."""
        note(
            _log,
            logging.DEBUG,
            "flushed",
            entry=added.entry,
            events=count,
            backlog=added.backlog,
            milliseconds=round((monotonic() - begun) * 1000),
            receipts=[event.receipt for event in decode_events(payload)],
        )

    async def _write(self, arguments: Sequence[Any]) -> tuple[list[Any], int]:
        """What the script answers, and how many replicas have confirmed it."""
        if not self._confirmation.replicas_min:
            return cast("list[Any]", await self._script(keys=APPEND_KEYS, args=arguments)), 0
        # One round trip. The whole script travels: whether Redis knows it, a pipeline cannot ask.
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.eval(APPEND, len(APPEND_KEYS), *APPEND_KEYS, *arguments)
            pipeline.wait(self._confirmation.replicas_min, self._confirmation.wait_ms_max)
            written, replicas = await pipeline.execute()
        return written, int(replicas)

    async def close(self) -> None:
        """Let wake-ups under way finish."""
        await asyncio.gather(*self._wakings)

    def _wake(self) -> None:
        # In a thread: RQ's client blocks, and no answer waits for this.
        task = asyncio.create_task(asyncio.to_thread(self._enqueue))
        self._wakings.add(task)
        task.add_done_callback(self._wakings.discard)

    def _enqueue(self) -> None:
        try:
            enqueue(self._rq, "drain")
        except RedisError:
            _log.warning("could not ask for a drain; the sweep will")
