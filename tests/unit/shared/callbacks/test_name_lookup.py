"""Tests look-ups of names: one that hangs delays no other, and is not asked for twice."""

import asyncio
import threading
from collections import Counter

import pytest

from shared.callbacks.name_lookup import LOOKUPS_AT_ONCE_MAX, NameLookup

HANG_SECONDS_MAX = 30.0


class Servers:
    """Name servers, of which those whose names begin with dead answer when they are told to."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.release = threading.Event()
        self.busy = threading.Event()  # as many as may be are looked up

    def look_up(self, host: str) -> list[str]:
        self.asked[host] += 1
        if len(self.asked) >= LOOKUPS_AT_ONCE_MAX:
            self.busy.set()
        if host.startswith("dead"):
            self.release.wait(HANG_SECONDS_MAX)
            raise OSError("no answer")
        return ["203.0.113.7"]


def test_names_whose_servers_hang_delay_no_other() -> None:
    servers = Servers()
    lookup = NameLookup(servers.look_up)

    async def work() -> list[str]:
        hanging = [
            asyncio.ensure_future(lookup.resolve(f"dead{number % 20}.example", 443))
            for number in range(200)
        ]
        found = await lookup.resolve("partner.example", 443)
        assert not any(each.done() for each in hanging)
        servers.release.set()
        faults = await asyncio.gather(*hanging, return_exceptions=True)
        assert {type(fault) for fault in faults} == {OSError}
        return found

    assert asyncio.run(work()) == ["203.0.113.7"]
    assert set(servers.asked.values()) == {1}  # whoever asks waits for the one look-up


def test_who_gives_up_does_not_end_a_look_up_for_the_others() -> None:
    servers = Servers()
    lookup = NameLookup(servers.look_up)

    async def work() -> None:
        impatient = asyncio.ensure_future(lookup.resolve("dead.example", 443))
        patient = asyncio.ensure_future(lookup.resolve("dead.example", 443))
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        servers.release.set()
        with pytest.raises(OSError, match="no answer"):
            await patient

    asyncio.run(work())
    assert servers.asked == {"dead.example": 1}


def test_a_name_is_looked_up_anew_each_time() -> None:
    servers = Servers()
    lookup = NameLookup(servers.look_up)

    async def work() -> None:
        for _ in range(3):
            await lookup.resolve("partner.example", 443)

    asyncio.run(work())
    assert servers.asked == {"partner.example": 3}


def test_no_more_names_are_looked_up_at_once_than_there_are_threads_for() -> None:
    servers = Servers()
    lookup = NameLookup(servers.look_up)

    async def work() -> None:
        many = [
            asyncio.ensure_future(lookup.resolve(f"dead{number}.example", 443))
            for number in range(LOOKUPS_AT_ONCE_MAX + 5)
        ]
        assert await asyncio.to_thread(servers.busy.wait, HANG_SECONDS_MAX)
        assert len(servers.asked) == LOOKUPS_AT_ONCE_MAX
        servers.release.set()
        await asyncio.gather(*many, return_exceptions=True)

    asyncio.run(work())
    assert len(servers.asked) == LOOKUPS_AT_ONCE_MAX + 5


def test_a_look_up_that_fails_in_any_way_ends_and_leaves_its_place() -> None:
    def broken(host: str) -> list[str]:
        raise ValueError(host)

    lookup = NameLookup(broken)

    async def work() -> None:
        for _ in range(2):
            with pytest.raises(ValueError, match=r"partner\.example"):
                async with asyncio.timeout(HANG_SECONDS_MAX):
                    await lookup.resolve("partner.example", 443)

    asyncio.run(work())
