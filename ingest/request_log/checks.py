"""Writes the last requests of each token to the integration check, in the background.

A request leaves a few references; its entry is built when the log is written, and only for the last
requests. So it costs next to nothing under load. The last use of each token is written with it.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from shared.clock import Clock, now_ms
from shared.errors import Unauthorized
from shared.events import Event
from shared.integration_log import (
    CHECK_ENTRIES_MAX,
    UNREAD_MAX,
    IntegrationLogEntry,
    UnreadCount,
    UnreadSource,
    check_commands,
    unread_commands,
)
from shared.redis import AsyncPipeline, AsyncRedis, RedisError
from shared.scopes import Scope
from shared.shards.shard_names import ShardNames
from shared.snapshot import NO_TOKEN
from shared.token_use import use_commands
from shared.tokens import TokenFault

_PAUSE_SECONDS = 0.25
_TOKENS_MAX = 1_000  # whose requests wait to be written; of further ones only the last use is


class RequestOutcome(msgspec.Struct, frozen=True):
    """A request of an app. `event` is None where it was refused before there was one."""

    at_ms: int
    dialect: str
    endpoint: str
    method: str
    status: int
    token_id: int
    scope: Scope
    event: Event | None
    fault: TokenFault | None = None
    code: str | None = None
    field: str | None = None


class CheckLog:
    """The requests that wait to be written. `add` costs no I/O; `run` writes."""

    def __init__(
        self,
        redis: AsyncRedis,
        now: Clock = now_ms,
        report_rehashed: Callable[[AsyncPipeline, ShardNames], None] = lambda _, __: None,
    ) -> None:
        self._redis = redis
        self._pending: dict[tuple[int, int], deque[RequestOutcome]] = {}
        self._used: dict[int, int] = {}
        self._unread: dict[int, dict[UnreadSource, UnreadCount]] = {}
        self._now = now
        self._report_rehashed = report_rehashed
        self._writing = asyncio.Lock()

    def add(self, app_id: int, outcome: RequestOutcome) -> None:
        """Queues a request; of each token only the last ones are kept."""
        if outcome.token_id != NO_TOKEN and outcome.code is None:
            self._used[outcome.token_id] = outcome.at_ms
        key = app_id, outcome.token_id
        outcomes = self._pending.get(key)
        if outcomes is None:
            if len(self._pending) >= _TOKENS_MAX:
                return
            outcomes = self._pending[key] = deque(maxlen=CHECK_ENTRIES_MAX)
        outcomes.append(outcome)

    def add_unread(self, app_id: int, source: UnreadSource, times: int = 1) -> None:
        """Counts a value that was not used; there are only so many different ones at a time."""
        counts = self._unread.setdefault(app_id, {})
        if source in counts or len(counts) < UNREAD_MAX:
            at_ms = self._now()
            count = UnreadCount(times, at_ms, at_ms)
            known = counts.get(source)
            counts[source] = count if known is None else known | count

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Writes what waits, after a write under way; drops it if Redis does not answer."""
        async with self._writing:
            await self._write()

    async def _write(self) -> None:
        if not self._pending and not self._unread:
            return
        pending, used, unread = self._pending, self._used, self._unread
        self._pending, self._used, self._unread = {}, {}, {}
        try:
            names = self._redis.names
            async with self._redis.pipeline(transaction=False) as pipeline:
                for (app_id, token_id), outcomes in pending.items():
                    entries = [_entry(outcome) for outcome in outcomes]
                    check_commands(pipeline, names, app_id, token_id, entries)
                for app_id, counts in unread.items():
                    unread_commands(pipeline, names, app_id, counts)
                use_commands(pipeline, names, used)
                self._report_rehashed(pipeline, names)
                await pipeline.execute()
        except (RedisError, OSError):
            return  # a check that lacks a few requests is still one


def _entry(outcome: RequestOutcome) -> IntegrationLogEntry:
    event = outcome.event
    # The fields that both vendors' pages highly encourage to send.
    encouraged = (
        {} if event is None else {"ip_address": event.ip_address, "user_agent": event.user_agent}
    )
    return IntegrationLogEntry(
        at_ms=outcome.at_ms,
        dialect=outcome.dialect,
        endpoint=outcome.endpoint,
        method=outcome.method,
        status=outcome.status,
        code=outcome.code,
        field=outcome.field,
        token_id=outcome.token_id,
        fault=outcome.fault,
        enforced=outcome.code == Unauthorized.code,
        scope=outcome.scope,
        event_id=event.event_id if event else "",
        receipt=str(event.receipt) if event else None,
        missing=tuple(name for name, value in encouraged.items() if value is None),
        environment=event.environment if event else None,
    )
