"""Writes refused requests to the rejection log, in the background and never in their way.

A refusal costs a reference to what was sent; the entry is built, and its secrets are masked, when
the log is written. A flood is sampled: only so many entries a second are built. The counts stay
exact as long as Redis answers.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Collection, Sequence
from time import thread_time

import msgspec

from ingest.parameters import Pair
from shared.privacy.truncation import truncate_in_text
from shared.redaction import MASK, redact
from shared.redis import AsyncRedis, RedisError
from shared.rejections import (
    BAD_TOKEN_ADDRESSES_MAX,
    Rejection,
    bad_token_commands,
    encode_rejection,
)

_PAUSE_SECONDS = 0.25
_PENDING_ENTRIES_MAX = 200
# Masking takes 0.05 ms an entry, and 0.4 where it was made to: at most 8 % of a process.
_BUILD_SECONDS_MAX = 0.02
_VALUE_CHARACTERS_MAX = 200
_PARAMETERS_MAX = 20
_ENTRY_CHARACTERS_MAX = 1_000  # of all names and values: 10,000 entries hold 10 to 20 MB of Redis
_PROBE = "value"

_log = logging.getLogger(__name__)


class RejectionLog:
    """The rejections that wait to be written. `add` costs no I/O; `run` writes."""

    def __init__(self, redis: AsyncRedis, entries_max: int) -> None:
        self._redis = redis
        self._entries_max = entries_max
        self._pending: deque[tuple[Rejection, Sequence[Pair]]] = deque(maxlen=_PENDING_ENTRIES_MAX)
        self._counts: Counter[str] = Counter()
        self._bad_tokens: Counter[str] = Counter()
        self._lost_clicks = 0
        self._writing = asyncio.Lock()

    def add(self, rejection: Rejection, sent: Sequence[Pair] = ()) -> None:
        """Counts a refused request and queues its entry, which will show what was sent."""
        self._counts[rejection.code] += 1
        self._pending.append((rejection, sent))

    def add_count(self, code: str) -> None:
        """Counts a refusal without an entry: one of many of the same request."""
        self._counts[code] += 1

    def note_bad_token(self, address: str) -> None:
        """Counts a token that is not valid and came from this address."""
        if address in self._bad_tokens or len(self._bad_tokens) < BAD_TOKEN_ADDRESSES_MAX:
            self._bad_tokens[address] += 1

    def add_lost_click(self, rejection: Rejection, sent: Sequence[Pair] = ()) -> None:
        """Adds a redirect whose click could not be stored; it is logged by the process too."""
        self.add(rejection, sent)
        self._lost_clicks += 1

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Writes what waits, after a write under way; keeps counts if Redis does not answer."""
        async with self._writing:
            await self._write()

    async def _write(self) -> None:
        if not self._counts and not self._bad_tokens:
            return
        if self._lost_clicks:
            # Now, because the counts stay in this process until Redis is back.
            _log.error("%d clicks were redirected but could not be stored", self._lost_clicks)
            self._lost_clicks = 0
        counts, entries, bad_tokens = self._counts, self._newest_entries(), self._bad_tokens
        self._counts, self._bad_tokens = Counter(), Counter()
        self._pending.clear()
        try:
            names = self._redis.names
            async with self._redis.pipeline(transaction=True) as pipeline:
                for code, count in counts.items():
                    pipeline.hincrby(names.rejection_counts, code, count)
                for entry in entries:
                    pipeline.xadd(names.rejections, {"r": entry}, maxlen=self._entries_max)
                bad_token_commands(pipeline, names, bad_tokens)
                await pipeline.execute()
        except (RedisError, OSError):
            self._counts += counts
            self._bad_tokens += bad_tokens  # the entries are lost, which a log can afford

    def _newest_entries(self) -> list[bytes]:
        """Builds the entries that there is time for, at least one, and returns them in order."""
        begun = thread_time()
        entries: list[bytes] = []
        for rejection, sent in reversed(self._pending):
            if entries and thread_time() - begun > _BUILD_SECONDS_MAX:
                break
            parameters = loggable_parameters(sent) if sent else rejection.parameters
            entries.append(
                encode_rejection(msgspec.structs.replace(rejection, parameters=parameters))
            )
        return entries[::-1]


def without_secrets(pairs: Sequence[Pair], names: Collection[str]) -> list[Pair]:
    """Masks the values under these names."""
    secret_names = {name.encode() for name in names}
    return [(name, MASK.encode() if name in secret_names else value) for name, value in pairs]


def loggable_parameters(pairs: Sequence[Pair]) -> dict[str, str]:
    """Returns parameters as the log may store them: without secrets and complete addresses."""
    loggable: dict[str, str] = {}
    characters_left = _ENTRY_CHARACTERS_MAX
    for raw_name, raw_value in pairs[:_PARAMETERS_MAX]:
        name = redact(_readable(raw_name))
        # By its name a secret: masked whole, whatever it is made of.
        is_secret = redact(f"{name}={_PROBE}") != f"{name}={_PROBE}"
        value = MASK if is_secret else truncate_in_text(redact(_readable(raw_value)))
        characters_left -= len(name) + len(value)
        if characters_left < 0 and loggable:
            break
        loggable[name] = value
    return loggable


def _readable(text: bytes) -> str:
    return text[:_VALUE_CHARACTERS_MAX].decode(errors="backslashreplace")
