"""Senders that try tokens wait; nobody else does."""

import asyncio

import pytest

from ingest import bad_tokens
from ingest.bad_tokens import FREE_TRIES, WAIT_SECONDS_MAX, WINDOW_MS, BadTokens
from tests.unit.loop import in_loop


class Clock:
    now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


def test_the_first_tries_are_free_and_then_each_waits_longer_up_to_a_limit() -> None:
    tries = BadTokens(Clock())

    waits = [tries.count("192.0.2.1") for _ in range(100)]

    assert waits[:FREE_TRIES] == [0] * FREE_TRIES
    assert 0 < waits[FREE_TRIES] < waits[FREE_TRIES + 1]
    assert waits == sorted(waits)
    assert waits[-1] == WAIT_SECONDS_MAX
    assert tries.count("192.0.2.2") == 0


def test_after_a_quiet_minute_tries_are_free_again() -> None:
    clock = Clock()
    tries = BadTokens(clock)
    for _ in range(50):
        tries.count("192.0.2.1")

    clock.now_ms = WINDOW_MS - 1
    assert tries.count("192.0.2.1") == WAIT_SECONDS_MAX
    clock.now_ms = WINDOW_MS
    assert tries.count("192.0.2.1") == 0


def test_only_so_many_addresses_are_remembered_those_seen_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bad_tokens, "ADDRESSES_MAX", 2)
    tries = BadTokens(Clock())
    for address in ["a"] * 50 + ["b", "a", "c"]:
        tries.count(address)

    assert tries.count("a") == WAIT_SECONDS_MAX
    assert len(tries._tries) == 2


@in_loop
async def test_a_flood_is_answered_at_once_rather_than_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bad_tokens, "WAITING_MAX", 1)
    tries = BadTokens(Clock())
    first = asyncio.create_task(tries.wait(60))
    await asyncio.sleep(0)

    await asyncio.wait_for(tries.wait(60), timeout=5)

    assert not first.done()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
