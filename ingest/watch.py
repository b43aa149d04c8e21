"""Watches Redis beside the flushes: the snapshot, the load and the durability.

Several times a second it asks for the snapshot's version and the load, and now and then whether
Redis is still durable. So a process without traffic sees a revoked token too, and one that has lost
Redis notices when it is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

import msgspec

from ingest.credential_store import CredentialStore
from ingest.durability import durability_problems
from ingest.gate import Gate, Load
from shared.redis import AsyncRedis, RedisError, follow_primary

_PAUSE_SECONDS = 0.2
_WAIT_SECONDS = 0.01
_LOOKS_PER_DURABILITY_CHECK = 25

_log = logging.getLogger(__name__)


class Watch:
    """Refreshes the credentials and the gate from Redis."""

    def __init__(
        self,
        redis: AsyncRedis,
        credential_store: CredentialStore,
        gate: Gate,
        strict: bool,
        replicas_min: int = 0,
    ) -> None:
        self._redis = redis
        self._credential_store = credential_store
        self._gate = gate
        self._strict = strict
        self._replicas_min = replicas_min
        self._problems: list[str] = []
        self._catching_up: asyncio.Future[None] | None = None
        self._looked_at = self._confirmed_at = monotonic()

    @property
    def looked_seconds_ago(self) -> float:
        """Returns the seconds since the last look, with an answer or without one."""
        return monotonic() - self._looked_at

    @property
    def confirmed_seconds_ago(self) -> float:
        """Returns the seconds since the snapshot in memory was last seen to be the newest."""
        return monotonic() - self._confirmed_at

    async def catch_up(self) -> None:
        """Loads the newest snapshot now: an unknown token may have been created a moment ago.

        Callers that ask while a look is under way share it, so a flood of bad tokens costs little.
        """
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.ensure_future(self._guarded(self._look_for_snapshot))
        await asyncio.shield(self._catching_up)
        self._gate.require_open()

    async def await_snapshot(self, seconds_max: float) -> None:
        """Waits until the process can accept events, but not for ever: Redis may be away."""
        deadline = monotonic() + seconds_max
        while not (self._gate.reachable and self._credential_store.version is not None):
            if monotonic() > deadline:
                return
            await asyncio.sleep(_WAIT_SECONDS)

    async def run(self) -> None:
        """Looks until cancelled."""
        looks = 0
        while True:
            if looks % _LOOKS_PER_DURABILITY_CHECK == 0 or not self._gate.durable:
                await self._guarded(self._check_durability)
            await self._guarded(self._look)
            self._looked_at = monotonic()
            looks += 1
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except (RedisError, OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
            if self._gate.reachable:
                _log.warning("Redis does not answer as expected: %s", type(error).__name__)
            self._gate.note_unreachable()

    async def _look(self) -> None:
        await follow_primary(self._redis)
        await self._look_for_snapshot()
        backlog = await self._redis.get(self._redis.names.backlog)
        memory = await self._redis.info("memory")
        self._gate.note_load(Load(int(backlog or 0), memory["used_memory"], memory["maxmemory"]))

    async def _look_for_snapshot(self) -> None:
        store = self._credential_store
        version = await self._redis.get(self._redis.names.snapshot_version)
        if (None if version is None else int(version)) == store.version:
            self._confirmed_at = monotonic()
            return
        await store.refresh(self._redis)
        self._confirmed_at = monotonic()
        _log.info("snapshot %s", store.version)
        if store.holds_other_key:
            _log.error("the tokens were created under another WAYBILL_SECRET_KEY")

    async def _check_durability(self) -> None:
        problems = await durability_problems(self._redis, self._replicas_min)
        if problems != self._problems:
            for problem in problems:
                _log.error("%s", problem)
        self._problems = problems
        self._gate.durable = not problems or not self._strict
