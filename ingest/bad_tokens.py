"""Counts bad tokens by address, and delays the answers to addresses that go on trying.

A process remembers only the addresses of the last minutes, and only so many. An address that goes
on is answered later and later: guessing a token of 178 bits is hopeless, but one that a team
brought along may be short. Honest senders never wait: they have no bad tokens.
"""

import asyncio
from collections import OrderedDict

from shared.clock import Clock

FREE_TRIES = 10
WINDOW_MS = 60_000
WAIT_SECONDS_MAX = 2.0
ADDRESSES_MAX = 10_000
WAITING_MAX = 1_000  # beyond it a flood from many addresses is answered at once, not held

_STEP_SECONDS = 0.1


class BadTokens:
    """The bad tokens of recent addresses. `count` returns the delay of the answer, `wait` waits."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._tries: OrderedDict[str, tuple[int, int]] = OrderedDict()  # count, since when
        self._waiting = 0

    def count(self, address: str) -> float:
        """Counts one more bad token; returns the seconds that its sender has to wait."""
        now_ms = self._now()
        tries, since_ms = self._tries.pop(address, (0, now_ms))
        if now_ms - since_ms >= WINDOW_MS:
            tries, since_ms = 0, now_ms
        self._tries[address] = tries + 1, since_ms
        if len(self._tries) > ADDRESSES_MAX:
            self._tries.popitem(last=False)
        return min(WAIT_SECONDS_MAX, max(0, tries + 1 - FREE_TRIES) * _STEP_SECONDS)

    async def wait(self, seconds: float) -> None:
        """Waits, unless too many requests wait already."""
        if seconds <= 0 or self._waiting >= WAITING_MAX:
            return
        self._waiting += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting -= 1
