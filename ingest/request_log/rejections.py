"""Writes refused requests to the rejection log, in the background and never in their way.

A flood of refusals is sampled: only so many entries a second are written. The counts stay exact as
long as Redis answers.
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
    """The rejections that wait to be written. `add` costs no I/O; `run` writes."""

    def __init__(self, redis: AsyncRedis, entries_max: int) -> None:
        self._redis = redis
        self._entries_max = entries_max
        self._pending: deque[Rejection] = deque(maxlen=_PENDING_ENTRIES_MAX)
        self._counts: Counter[str] = Counter()
        self._bad_tokens: Counter[str] = Counter()
        self._lost_clicks = 0

    def add(self, rejection: Rejection) -> None:
        """Counts a refused request and queues its entry."""
        self._counts[rejection.code] += 1
        self._pending.append(rejection)

    def add_count(self, code: str) -> None:
        """Counts a refusal without an entry: one of many of the same request."""
        self._counts[code] += 1

    def note_bad_token(self, address: str) -> None:
        """Counts a token that is not valid and came from this address."""
        if address in self._bad_tokens or len(self._bad_tokens) < BAD_TOKEN_ADDRESSES_MAX:
            self._bad_tokens[address] += 1

    def add_lost_click(self, rejection: Rejection) -> None:
        """Adds a redirect whose click could not be stored; it is logged by the process too."""
        self.add(rejection)
        self._lost_clicks += 1

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Writes what waits; keeps the counts if Redis does not answer."""
        if not self._counts and not self._bad_tokens:
            return
        if self._lost_clicks:
            # Now, because the counts stay in this process until Redis is back.
            _log.error("%d clicks were redirected but could not be stored", self._lost_clicks)
            self._lost_clicks = 0
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
            self._bad_tokens += bad_tokens  # the entries are lost, which a log can afford


def loggable_parameters(pairs: Sequence[Pair]) -> dict[str, str]:
    """Returns parameters as the log may store them: text, short, without secrets."""
    loggable = {}
    for raw_name, raw_value in pairs[:_PARAMETERS_MAX]:
        name = redact(_readable(raw_name))
        # By its name a secret: masked whole, whatever it is made of.
        is_secret = redact(f"{name}={_PROBE}") != f"{name}={_PROBE}"
        loggable[name] = MASK if is_secret else redact(_readable(raw_value))
    return loggable


def _readable(text: bytes) -> str:
    return text[:_VALUE_CHARACTERS_MAX].decode(errors="backslashreplace")
