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
from dataclasses import dataclass, field, replace

from shared.callbacks.attempts import ATTEMPT_SECONDS_MAX, attempt
from shared.callbacks.carried_urls import carried_url
from shared.callbacks.consent import shareable_facts
from shared.callbacks.http_client import HttpClient
from shared.callbacks.requests import build_request
from shared.callbacks.sharing import unshared_callbacks
from shared.clock import Clock
from shared.database import Connection, DatabaseError, transaction
from workers.deliver.attempt_results import (
    ERASED,
    attempt_result,
    faulty_result,
    is_failure,
    withheld_reason,
    withheld_result,
)
from workers.deliver.deliver_metrics import DeliverCounts
from workers.deliver.endpoint_load import EndpointLoad
from workers.deliver.endpoint_queue import WAIT_SECONDS_MAX, EndpointQueue
from workers.deliver.endpoint_shares import Candidate, share_out
from workers.deliver.lease import Lease
from workers.deliver.outbox_claims import (
    Claim,
    DueEndpoint,
    Result,
    claim,
    due_endpoints,
    release,
    write_results,
)

LINGER_SECONDS = 2.0  # without anything due; then the next job wakes it
_TICK_SECONDS = 0.05
_OUTAGE_PAUSE_SECONDS = 0.5
_LANDING_FAULTS_MAX = 4  # then the process ends: what it sent is sent again, with its id
_IN_FLIGHT_MAX = 512  # of all endpoints: each is a socket and a claim
_REMEMBERED_SECONDS = 3_600.0  # how an endpoint answers, when nothing is due to it any more
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
    _queues: dict[int, EndpointQueue] = field(default_factory=dict)
    _released: list[Claim] = field(default_factory=list)
    _results: list[Result] = field(default_factory=list)
    _flights: set[asyncio.Task[None]] = field(default_factory=set)
    _enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, is_over: Callable[[], bool], linger_seconds: float) -> None:
        """Delivers until nothing was due for some seconds, then until everything has landed."""
        quiet_since = self.tools.monotonic()
        while not is_over() and await asyncio.to_thread(self.tools.lease.hold):
            self._take_back()
            self.tools.client.close_idle()
            try:
                await self._write()
                began = await self._begin()
            except DatabaseError as fault:
                await self._outlast(fault)
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
        """Gives back what was not sent, and writes what became of what is in flight.

        Raises DatabaseError if PostgreSQL is away for some seconds after the last has landed.
        """
        self._take_back(waited_seconds_max=0.0)
        faults = 0
        while self._flights or self._results or self._released:
            if self._flights:
                await asyncio.to_thread(self.tools.lease.hold)
                await asyncio.wait(self._flights, timeout=1.0)
            try:
                await self._write()
            except DatabaseError as fault:
                faults += not self._flights
                if faults > _LANDING_FAULTS_MAX:
                    raise
                await self._outlast(fault)
        self.tools.client.close()

    async def _outlast(self, fault: DatabaseError) -> None:
        _log.warning("PostgreSQL: %s; callbacks wait", type(fault).__name__)
        self.tools.lost_connection()
        await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)

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
            release(self.tools.connection(), released)

    async def _begin(self) -> int:
        """Claims what there is room for and begins to send it; returns how many callbacks."""
        connection = self.tools.connection
        self._endpoints = await asyncio.to_thread(lambda: due_endpoints(connection()))
        rooms = self._rooms()
        if not rooms:
            return 0
        partners = {each.id for each in self._endpoints if each.is_partners}
        claims = await asyncio.to_thread(self._claim, rooms, partners)
        now = self.tools.monotonic()
        for each in claims:
            self._queues[each.endpoint_id].add(each, now)
        for number in rooms:
            self._launch(self._queues[number])
        return len(claims)

    def _launch(self, queue: EndpointQueue) -> None:
        """Has as many requests in flight as the endpoint may have at once."""
        loop = asyncio.get_running_loop()
        for _ in range(queue.flights_to_begin()):
            queue.flights += 1
            flight = loop.create_task(queue.fly(self._send))
            self._flights.add(flight)
            flight.add_done_callback(self._landed)

    def _claim(self, rooms: Mapping[int, int], partners: Collection[int]) -> list[Claim]:
        """Claims callbacks and finds out which of them partners must not hear of.

        All of it or nothing: a claim counts an attempt, which must then be made.
        """
        with transaction(self.tools.connection()) as connection:
            claims = claim(connection, rooms)
            told = {each.id: each.facts for each in claims if each.endpoint_id in partners}
            known = {number: facts for number, facts in told.items() if facts is not None}
            unshared = unshared_callbacks(connection, self.tools.key, known)
        return [each._replace(is_unshared=each.id in unshared) for each in claims]

    def _rooms(self) -> dict[int, int]:
        """Returns how many callbacks of each endpoint may begin."""
        now = self.tools.monotonic()
        due = set()
        for endpoint in self._endpoints:
            limits = endpoint.concurrency_max, endpoint.rate_max
            queue = self._queues.get(endpoint.id)
            if queue is None:
                queue = EndpointQueue(EndpointLoad(*limits), endpoint)
                self._queues[endpoint.id] = queue
            queue.endpoint = endpoint
            queue.load.concurrency_max, queue.load.rate_max = limits
            due.add(endpoint.id)
        oldest = now - _REMEMBERED_SECONDS
        for number in [number for number in self._queues if number not in due]:
            if self._queues[number].is_forgotten(oldest):
                del self._queues[number]
        candidates = (
            Candidate(
                number,
                queue.load.room(now) if number in due else 0,
                queue.load.in_flight,
                queue.load.is_quick(now),
            )
            for number, queue in sorted(
                self._queues.items(), key=lambda item: item[1].load.begun_at
            )
        )
        return share_out(candidates, _IN_FLIGHT_MAX)

    def _take_back(self, waited_seconds_max: float = WAIT_SECONDS_MAX) -> None:
        """Gives back what waits for endpoints that have stopped to answer."""
        oldest = self.tools.monotonic() - waited_seconds_max
        for queue in self._queues.values():
            self._released += queue.take_back(oldest)

    async def _send(self, claimed: Claim, queue: EndpointQueue) -> None:
        """Attempts one callback, and notes what became of it whatever goes wrong.

        Without a note it would be claimed again as soon as its claim lapses, for ever.
        """
        began = self.tools.monotonic()
        try:
            result, is_failed = await self._attempt(claimed, queue.endpoint)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is noted once
            name = type(error).__name__
            _log.error("callback %s: %s; it counts as a failed attempt", claimed.id, name)
            result = faulty_result(claimed, name, self.tools.now_ms(), self.tools.random)
            is_failed = False  # ours, not the endpoint's
        now = self.tools.monotonic()
        queue.load.end(now, is_failure=is_failed, took_seconds=now - began)
        self._results.append(result)
        if len(self._results) >= _WRITTEN_AT_ONCE:
            self._enough.set()

    async def _attempt(self, claimed: Claim, endpoint: DueEndpoint) -> tuple[Result, bool]:
        """Returns what became of an attempt, and whether the endpoint failed."""
        began, began_ms = self.tools.monotonic(), self.tools.now_ms()
        target = endpoint.endpoint
        facts = claimed.facts
        if endpoint.carried and facts:
            url = carried_url(facts, endpoint.hosts) or ""
            target = replace(target, method="GET", url=url)
        reason = withheld_reason(claimed, endpoint, target.url)
        if facts is None or reason:
            return withheld_result(claimed, reason or ERASED, began_ms), False
        told = shareable_facts(facts) if endpoint.is_partners else facts
        request = build_request(self.tools.key, target, told, began_ms)
        result = await attempt(
            self.tools.client, request, endpoint.answer_contains, ATTEMPT_SECONDS_MAX
        )
        took = self.tools.monotonic() - began
        ended_ms = began_ms + round(took * 1000)
        self.tools.counts.attempted(result, took)
        ended = attempt_result(claimed, request, result, began_ms, ended_ms, self.tools.random)
        return ended, is_failure(result)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        """Has results written once nothing is in flight, or there are enough."""
        self._flights.discard(flight)
        if len(self._results) >= _WRITTEN_AT_ONCE or not self._flights:
            self._enough.set()
