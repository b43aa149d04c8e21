"""Delivers what is due: many requests in flight, on one thread with its own event loop.

    due endpoints → room of each → claims with their facts → requests → results, many at a time

The courier lives as long as its worker. The job `deliver` wakes it and returns, so that an endpoint
that keeps it waiting keeps no drain waiting. One worker delivers at a time: it holds a lease in
Redis, which makes concurrency, rate and breaker of an endpoint hold for the whole installation.
The stores are asked on another thread, so that requests are sent and answered meanwhile.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from shared.callbacks.attempts import ATTEMPT_SECONDS_MAX, attempt
from shared.callbacks.carried_urls import carried_url
from shared.callbacks.consent import shareable_facts
from shared.callbacks.http_client import HttpClient
from shared.callbacks.requests import CallbackEndpoint, build_request
from shared.clock import Clock
from shared.database import Connection, DatabaseError
from workers.deliver.attempt_results import (
    ERASED,
    attempt_result,
    is_failure,
    withheld_reason,
    withheld_result,
)
from workers.deliver.deliver_metrics import DeliverCounts
from workers.deliver.endpoint_load import EndpointLoad
from workers.deliver.lease import Lease
from workers.deliver.outbox_claims import (
    CLAIM_SECONDS,
    Claim,
    DueEndpoint,
    Result,
    claim,
    due_endpoints,
    release,
    write_results,
)
from workers.deliver.sharing import unshared_callbacks

LINGER_SECONDS = 2.0  # without anything due; then the next job wakes it
_TICK_SECONDS = 0.05
_OUTAGE_PAUSE_SECONDS = 0.5
_IN_FLIGHT_MAX = 512  # of all endpoints: each is a socket and a claim
_WAIT_SECONDS_MAX = CLAIM_SECONDS - ATTEMPT_SECONDS_MAX - 5  # of a claim for its turn
_WRITTEN_AT_ONCE = 128  # results that do not wait for the next tick

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CourierTools:
    """Everything that a courier does not decide by itself."""

    connection: Callable[[], Connection]
    lost_connection: Callable[[], None]
    key: bytes
    client: HttpClient
    lease: Lease
    counts: DeliverCounts
    now_ms: Clock
    random: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic


@dataclass
class Courier:
    """Sends callbacks within one event loop. `deliver` runs once at a time."""

    tools: CourierTools
    _endpoints: Sequence[DueEndpoint] = ()
    _loads: dict[int, EndpointLoad] = field(default_factory=dict)
    _turns: dict[int, asyncio.Semaphore] = field(default_factory=dict)
    _released: list[Claim] = field(default_factory=list)
    _results: list[Result] = field(default_factory=list)
    _flights: set[asyncio.Task[None]] = field(default_factory=set)
    _enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, is_over: Callable[[], bool], linger_seconds: float) -> None:
        """Delivers until nothing was due for some seconds, then until everything has landed."""
        quiet_since = self.tools.monotonic()
        while not is_over() and await asyncio.to_thread(self.tools.lease.hold):
            try:
                await self._write()
                began = await self._begin()
            except DatabaseError as fault:
                _log.warning("PostgreSQL: %s; callbacks wait", type(fault).__name__)
                self.tools.lost_connection()
                await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)
                continue
            if began or self._flights:
                quiet_since = self.tools.monotonic()
            elif self.tools.monotonic() - quiet_since >= linger_seconds:
                break
            self._enough.clear()
            if (self._flights and len(self._results) < _WRITTEN_AT_ONCE) or not began:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_SECONDS):
                        await self._enough.wait()
        await self.land()
        self.tools.lease.release()

    async def land(self) -> None:
        """Waits for the requests in flight and writes what became of them."""
        while self._flights:
            await asyncio.to_thread(self.tools.lease.hold)
            await asyncio.wait(self._flights, timeout=1.0)
            await self._write()
        await self._write()

    async def _write(self) -> None:
        """Writes what ended. Raises DatabaseError; then it is kept for the next time."""
        results, released = tuple(self._results), tuple(self._released)
        if results or released:
            failing = {each.id for each in self._endpoints if each.failures}
            await asyncio.to_thread(self._store, results, released, failing)
            del self._results[: len(results)], self._released[: len(released)]

    def _store(
        self, results: Sequence[Result], released: Sequence[Claim], failing: set[int]
    ) -> None:
        if results:
            write_results(self.tools.connection(), results, failing)
        if released:
            release(self.tools.connection(), [each.id for each in released])

    async def _begin(self) -> int:
        """Claims what there is room for and begins to send it; returns how many callbacks."""
        connection = self.tools.connection
        self._endpoints = await asyncio.to_thread(lambda: due_endpoints(connection()))
        rooms = self._rooms()
        if not rooms:
            return 0
        endpoints = {each.id: each for each in self._endpoints}
        partners = {each.id for each in self._endpoints if each.is_partners}
        claims = await asyncio.to_thread(self._claim, rooms, partners)
        for each in claims:
            self._loads[each.endpoint_id].begin(self.tools.monotonic(), 1)
            flight = asyncio.get_running_loop().create_task(
                self._send(each, endpoints[each.endpoint_id], self.tools.monotonic())
            )
            self._flights.add(flight)
            flight.add_done_callback(self._landed)
        return len(claims)

    def _claim(self, rooms: Mapping[int, int], partners: Collection[int]) -> list[Claim]:
        """Claims callbacks and finds out which of them partners must not hear of."""
        claims = claim(self.tools.connection(), rooms)
        told = {each.id: each.facts for each in claims if each.endpoint_id in partners}
        known = {number: facts for number, facts in told.items() if facts is not None}
        unshared = unshared_callbacks(self.tools.connection(), self.tools.key, known)
        return [each._replace(is_unshared=each.id in unshared) for each in claims]

    def _rooms(self) -> dict[int, int]:
        """Returns how many callbacks of each endpoint may begin, fairly if there are too many."""
        now = self.tools.monotonic()
        free = _IN_FLIGHT_MAX - len(self._flights)
        rooms: dict[int, int] = {}
        for endpoint in self._endpoints:
            concurrency_max = endpoint.concurrency_max
            load = self._loads.setdefault(
                endpoint.id, EndpointLoad(concurrency_max, endpoint.rate_max)
            )
            if load.concurrency_max != concurrency_max or endpoint.id not in self._turns:
                self._turns[endpoint.id] = asyncio.Semaphore(concurrency_max)
            load.concurrency_max, load.rate_max = concurrency_max, endpoint.rate_max
            share = max(1, free // len(self._endpoints))
            if (room := min(load.room(now), share, free)) > 0:
                rooms[endpoint.id] = room
        return rooms

    async def _send(self, claimed: Claim, endpoint: DueEndpoint, claimed_at: float) -> None:
        """Sends a callback when it has its turn, or gives it back if that is not soon."""
        load = self._loads[endpoint.id]
        is_probe = load.is_open
        async with self._turns[endpoint.id]:
            waited = self.tools.monotonic() - claimed_at
            if (load.is_open and not is_probe) or waited > _WAIT_SECONDS_MAX:
                load.release()
                self._released.append(claimed)
            else:
                await self._attempt(claimed, endpoint)

    async def _attempt(self, claimed: Claim, endpoint: DueEndpoint) -> None:
        began, began_ms = self.tools.monotonic(), self.tools.now_ms()
        load, target = self._loads[endpoint.id], endpoint.endpoint
        facts = claimed.facts
        if endpoint.carried and facts:
            url = carried_url(facts, endpoint.hosts) or ""
            target = CallbackEndpoint(endpoint.id, "GET", url, target.secret_version)
        reason = withheld_reason(claimed, endpoint, target.url)
        if facts is None or reason:
            self._results.append(withheld_result(claimed, reason or ERASED, began_ms))
            load.end(began, is_failure=False)
            return
        told = shareable_facts(facts) if endpoint.is_partners else facts
        request = build_request(self.tools.key, target, told, began_ms)
        result = await attempt(
            self.tools.client, request, endpoint.answer_contains, ATTEMPT_SECONDS_MAX
        )
        now = self.tools.monotonic()
        ended_ms = began_ms + round((now - began) * 1000)
        load.end(now, is_failure=is_failure(result))
        self.tools.counts.attempted(result, now - began)
        self._results.append(
            attempt_result(claimed, request, result, began_ms, ended_ms, self.tools.random)
        )

    def _landed(self, flight: asyncio.Task[None]) -> None:
        """Counts a request that ended, and has results written once there are enough."""
        self._flights.discard(flight)
        if len(self._results) >= _WRITTEN_AT_ONCE or not self._flights:
            self._enough.set()
