"""The watch: what this process learns from Redis beside its flushes.

Several times a second it asks for the snapshot's version and the load, and now and then whether
Redis is still durable. So a process without traffic sees a revoked token too, and one that has lost
Redis notices its return.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

import msgspec

from ingest.credentials import CredentialStore
from ingest.durability import durability_faults
from ingest.gate import Gate, Load
from shared.inbox import BACKLOG_KEY
from shared.redis import AsyncRedis, RedisError, follow_primary
from shared.snapshot import VERSION_KEY

_PAUSE_SECONDS = 0.2
_LOOKS_PER_DURABILITY_CHECK = 25

_log = logging.getLogger(__name__)


class Watch:
    """Keeps `grants` and `gate` true."""

    def __init__(
        self,
        redis: AsyncRedis,
        grants: CredentialStore,
        gate: Gate,
        strict: bool,
        replicas_min: int = 0,
    ) -> None:
        self._redis = redis
        self._grants = grants
        self._gate = gate
        self._strict = strict
        self._replicas_min = replicas_min
        self._faults: list[str] = []
        self._catching_up: asyncio.Future[None] | None = None
        self._looked_at = self._confirmed_at = monotonic()

    @property
    def looked_seconds_ago(self) -> float:
        """Since it last looked, with an answer or without one."""
        return monotonic() - self._looked_at

    @property
    def confirmed_seconds_ago(self) -> float:
        """Since it last saw that the snapshot held is the newest."""
        return monotonic() - self._confirmed_at

    async def catch_up(self) -> None:
        """See the newest snapshot now: a token nobody knows may have been made a moment ago.

        Those who ask while one looks share its look, so a flood of bad tokens costs little.
        """
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.ensure_future(self._guarded(self._look_for_snapshot))
        await asyncio.shield(self._catching_up)
        self._gate.pass_through()

    async def run(self) -> None:
        """Look until cancelled."""
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
        except (RedisError, OSError, ValueError, KeyError, msgspec.MsgspecError) as fault:
            if self._gate.reachable:
                _log.warning("Redis does not answer as it should: %s", type(fault).__name__)
            self._gate.lost()

    async def _look(self) -> None:
        await follow_primary(self._redis)
        await self._look_for_snapshot()
        backlog = await self._redis.get(BACKLOG_KEY)
        memory = await self._redis.info("memory")
        self._gate.answered(Load(int(backlog or 0), memory["used_memory"], memory["maxmemory"]))

    async def _look_for_snapshot(self) -> None:
        version = await self._redis.get(VERSION_KEY)
        if (None if version is None else int(version)) == self._grants.version:
            self._confirmed_at = monotonic()
            return
        await self._grants.refresh(self._redis)
        self._confirmed_at = monotonic()
        _log.info("snapshot %s", self._grants.version)
        if self._grants.holds_other_key:
            _log.error("the tokens were made under another WAYBILL_SECRET_KEY than this one")

    async def _check_durability(self) -> None:
        faults = await durability_faults(self._redis, self._replicas_min)
        if faults != self._faults:
            for fault in faults:
                _log.error("%s", fault)
        self._faults = faults
        self._gate.durable = not faults or not self._strict
