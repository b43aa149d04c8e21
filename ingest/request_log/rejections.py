"""Writes refused requests to the rejection log, beside the requests and never in their way.

A flood of refusals is sampled, not followed: a second holds so many entries; the counts stay exact
as long as Redis answers.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence

from ingest.parameters import Pair
from shared.redaction import MASK, redact
from shared.redis import AsyncRedis, RedisError
from shared.rejections import (
    BAD_TOKEN_ADDRESSES_MAX,
    REJECTION_COUNTS_KEY,
    REJECTIONS_KEY,
    Rejection,
    bad_token_commands,
    encode_rejection,
)

_PAUSE_SECONDS = 0.25
_PENDING_ENTRIES_MAX = 200
_VALUE_CHARACTERS_MAX = 200
_PARAMETERS_MAX = 20
_PROBE = "value"

_log = logging.getLogger(__name__)


class RejectionLog:
    """`add` costs no I/O; `run` writes."""

    def __init__(self, redis: AsyncRedis, entries_max: int) -> None:
        self._redis = redis
        self._entries_max = entries_max
        self._pending: deque[Rejection] = deque(maxlen=_PENDING_ENTRIES_MAX)
        self._counts: Counter[str] = Counter()
        self._bad_tokens: Counter[str] = Counter()
        self._lost = 0

    def add(self, rejection: Rejection) -> None:
        self._counts[rejection.code] += 1
        self._pending.append(rejection)

    def note_bad_token(self, address: str) -> None:
        """A token that is not valid came from there."""
        if address in self._bad_tokens or len(self._bad_tokens) < BAD_TOKEN_ADDRESSES_MAX:
            self._bad_tokens[address] += 1

    def lose(self, rejection: Rejection) -> None:
        """Somebody was sent on whose click could not be kept: also said in the process's log."""
        self.add(rejection)
        self._lost += 1

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            await self.write()

    async def write(self) -> None:
        if not self._counts and not self._bad_tokens:
            return
        if self._lost:
            # Now, for the counts stay in this process until Redis is back.
            _log.error("%d clicks were sent on, but could not be kept", self._lost)
            self._lost = 0
        counts, entries, bad_tokens = self._counts, tuple(self._pending), self._bad_tokens
        self._counts, self._bad_tokens = Counter(), Counter()
        self._pending.clear()
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                for code, count in counts.items():
                    pipeline.hincrby(REJECTION_COUNTS_KEY, code, count)
                for entry in entries:
                    pipeline.xadd(
                        REJECTIONS_KEY, {"r": encode_rejection(entry)}, maxlen=self._entries_max
                    )
                bad_token_commands(pipeline, bad_tokens)
                await pipeline.execute()
        except (RedisError, OSError):
            self._counts += counts
            self._bad_tokens += bad_tokens  # the entries are gone, which a log may be


def shown(pairs: Sequence[Pair]) -> dict[str, str]:
    """Parameters as the log may keep them: text, short, without secrets."""
    return dict(_shown_pair(*pair) for pair in pairs[:_PARAMETERS_MAX])


def _shown_pair(name: bytes, value: bytes) -> tuple[str, str]:
    shown_name = redact(_readable(name))
    if redact(f"{shown_name}={_PROBE}") != f"{shown_name}={_PROBE}":
        return shown_name, MASK  # by its name a secret: whole, whatever it is made of
    return shown_name, redact(_readable(value))


def _readable(text: bytes) -> str:
    return text[:_VALUE_CHARACTERS_MAX].decode(errors="backslashreplace")
