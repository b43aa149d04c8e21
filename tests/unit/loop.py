"""Runs a test that is a coroutine. One that waits, or computes, for ever fails instead."""

import asyncio
import faulthandler
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

_SECONDS_MAX = 30

P = ParamSpec("P")
T = TypeVar("T")


def in_loop(scenario: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    @wraps(scenario)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        # A loop that never gives way is not ended by a timeout of asyncio: this ends the process.
        faulthandler.dump_traceback_later(10 * _SECONDS_MAX, exit=True)
        try:
            asyncio.run(_in_time(scenario(*args, **kwargs)))
        finally:
            faulthandler.cancel_dump_traceback_later()

    return test


async def until(holds: Callable[[], bool]) -> None:
    """Let everything else run until this holds; the time limit of the test bounds it."""
    while not holds():  # noqa: ASYNC110  # what tests wait for tells nobody when it happens
        await asyncio.sleep(0.001)


async def ended(task: asyncio.Task[None]) -> None:
    """Cancelled until it ends: a client of Redis may swallow a cancellation, or answer it with an
    error of its own.
    """
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)


async def _in_time(scenario: Awaitable[None]) -> None:
    async with asyncio.timeout(_SECONDS_MAX):
        await scenario


def run_in_loop(scenario: Coroutine[Any, Any, T]) -> T:
    """Runs one scenario of a property and returns what it found."""

    async def in_time() -> T:
        async with asyncio.timeout(_SECONDS_MAX):
            return await scenario

    return asyncio.run(in_time())
