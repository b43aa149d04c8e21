"""Several processes keep one limit together."""

from typing import Any

import pytest
from msgspec import structs

from ingest.credential_store import CredentialStore
from ingest.rate_limits import limiter as limiter_module
from ingest.rate_limits.limiter import RateLimiter
from ingest.rate_limits.usage import RateUsage
from shared.snapshot import KnownApp
from tests.support.build import SECRET_KEY, snapshot
from tests.support.fake_redis import FakeAsyncRedis, FakeServer
from tests.unit.ingest.rate_limits.test_limiter import NONE, Clock, admitted, sender
from tests.unit.loop import in_loop

SECONDS = 14


class Processes:
    """Processes that share a Redis; time passes when the test says so."""

    def __init__(self, count: int, monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
        self.clock, self.server, self.now_seconds = Clock(), FakeServer(), 1000.0
        monkeypatch.setattr(limiter_module, "monotonic", lambda: self.now_seconds)
        app = KnownApp(1, limits=structs.replace(NONE, **limits))
        self.limiters, self.usages = [], []
        for _ in range(count):
            store = CredentialStore(SECRET_KEY, self.clock)
            store.use(structs.replace(snapshot(), apps={"one": app}))
            self.limiters.append(RateLimiter(store, self.clock))
            redis: Any = FakeAsyncRedis(server=self.server)
            self.usages.append(RateUsage(self.limiters[-1], redis, self.clock))

    async def pass_second(self, demand: int) -> int:
        """Lets a second pass in ten parts, in each of which everybody is asked for so much."""
        passed = 0
        for _ in range(10):
            for limits in self.limiters:
                for _ in range(demand // 10):
                    passed += admitted_once(limits)
            self.now_seconds += 0.1
        for usage in self.usages:
            await usage.publish()
        self.clock.now_ms += 1000
        return passed


def admitted_once(limits: RateLimiter) -> bool:
    try:
        limits.admit(sender(), None, 100)
    except limiter_module.RateLimited:
        return False
    return True


@pytest.mark.parametrize("processes", [1, 2, 5])
@in_loop
async def test_processes_share_a_limit(processes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        together = Processes(processes, patch, requests_per_second_max=50)
        passed = [await together.pass_second(100) for _ in range(SECONDS)]

    # When a flood begins each has the limit for two seconds; then all have it together.
    assert sum(passed[:4]) <= 50 * 4 * (1 + processes)
    assert all(40 <= count <= 60 for count in passed[-5:]), passed


@in_loop
async def test_a_process_alone_has_the_whole_limit_again_when_the_others_are_quiet() -> None:
    with pytest.MonkeyPatch.context() as patch:
        together = Processes(4, patch, requests_per_second_max=50)
        for _ in range(6):
            await together.pass_second(100)
        together.limiters = together.limiters[:1]
        passed = [await together.pass_second(100) for _ in range(8)]

    assert all(40 <= count <= 60 for count in passed[-3:]), passed


@in_loop
async def test_the_bytes_of_a_day_are_those_of_all_processes() -> None:
    with pytest.MonkeyPatch.context() as patch:
        together = Processes(3, patch, bytes_per_day_max=30_000)
        for _ in range(SECONDS):
            await together.pass_second(30)
        left = [admitted(limits, sender()) for limits in together.limiters]

    assert left == [0, 0, 0]
    used = [
        sum(use.published_bytes for use in limits.days.values()) for limits in together.limiters
    ]
    assert max(used) <= 30_000 + 3 * 30 * 100


@in_loop
async def test_without_redis_each_process_goes_on_with_its_share() -> None:
    with pytest.MonkeyPatch.context() as patch:
        together = Processes(2, patch, requests_per_second_max=50)
        for _ in range(6):
            await together.pass_second(100)
        together.server.connected = False
        passed = [await together.pass_second(100) for _ in range(5)]

    assert all(40 <= count <= 60 for count in passed), passed
