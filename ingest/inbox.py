"""Ingest's side of the inbox: one script writes a batch, checks its snapshot and wakes a worker."""

import asyncio
import logging

from shared.errors import WaybillError
from shared.events import WIRE_VERSION
from shared.inbox import APPEND, APPEND_KEYS, append_arguments
from shared.queues import AsyncRedis, Redis, RedisError, enqueue

_log = logging.getLogger(__name__)


class Stale(WaybillError):
    """The snapshot that the batch was checked with no longer holds: check again."""

    code = "stale_snapshot"
    status = 503


class InboxWriter:
    """`redis` writes; `rq` is a second, blocking connection, for RQ knows no other."""

    def __init__(self, redis: AsyncRedis, rq: Redis) -> None:
        self._script = redis.register_script(APPEND)
        self._rq = rq
        self._wakings: set[asyncio.Task[None]] = set()

    async def append(self, version: int, payload: bytes, count: int) -> int:
        """The backlog in events, once the batch is on disk. Raises Stale, RedisError."""
        arguments = append_arguments(str(version), count, payload, WIRE_VERSION)
        written, *result = await self._script(keys=APPEND_KEYS, args=arguments)
        if not written:
            raise Stale("The snapshot has changed.")
        backlog, woke = result
        if woke:
            self._wake()
        return int(backlog)

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
