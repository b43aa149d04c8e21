"""Writes the last requests of each token to the integration check, beside the requests.

A request leaves a few references; what they mean is worked out, and only of the last ones, when the
log is written. So it costs next to nothing under load. Tokens' last use goes the same way.
"""

import asyncio
from collections import deque
from typing import NamedTuple

from shared.errors import Unauthorized
from shared.events import Event
from shared.integration_log import CHECK_ENTRIES_MAX, IntegrationLogEntry, check_commands
from shared.redis import AsyncRedis, RedisError
from shared.scopes import Scope
from shared.snapshot import NO_TOKEN
from shared.token_use import use_commands
from shared.tokens import TokenFault

_PAUSE_SECONDS = 0.25
_TOKENS_MAX = 1_000  # of which requests wait to be written; of others only their last use is


class Checked(NamedTuple):
    """One request of an app. `event` is None where it was refused before there was one."""

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
    """`add` costs no I/O; `run` writes."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = redis
        self._pending: dict[tuple[int, int], deque[Checked]] = {}
        self._used: dict[int, int] = {}

    def add(self, app_id: int, checked: Checked) -> None:
        if checked.token_id != NO_TOKEN and checked.code is None:
            self._used[checked.token_id] = checked.at_ms
        key = app_id, checked.token_id
        last = self._pending.get(key)
        if last is None:
            if len(self._pending) >= _TOKENS_MAX:
                return
            last = self._pending[key] = deque(maxlen=CHECK_ENTRIES_MAX)
        last.append(checked)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            await self.write()

    async def write(self) -> None:
        if not self._pending:
            return
        pending, used = self._pending, self._used
        self._pending, self._used = {}, {}
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for (app_id, token_id), last in pending.items():
                    check_commands(pipeline, app_id, token_id, [_entry(one) for one in last])
                use_commands(pipeline, used)
                await pipeline.execute()
        except (RedisError, OSError):
            return  # a check that misses a few requests is one all the same


def _entry(checked: Checked) -> IntegrationLogEntry:
    event = checked.event
    return IntegrationLogEntry(
        at_ms=checked.at_ms,
        dialect=checked.dialect,
        endpoint=checked.endpoint,
        method=checked.method,
        status=checked.status,
        code=checked.code,
        field=checked.field,
        token_id=checked.token_id,
        fault=checked.fault,
        enforced=checked.code == Unauthorized.code,
        scope=checked.scope,
        event_id=event.event_id if event else "",
        receipt=str(event.receipt) if event else None,
        missing=_missing(event),
        environment=event.environment if event else None,
    )


def _missing(event: Event | None) -> tuple[str, ...]:
    """What both vendors' pages highly encourage to send, and was not."""
    if event is None:
        return ()
    told = {"ip_address": event.ip_address, "user_agent": event.user_agent}
    return tuple(name for name, value in told.items() if value is None)
