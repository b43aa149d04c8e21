"""Delivers what is due: many requests in flight, on one thread with its own event loop.

    due endpoints → room of each → claim → facts → requests → results, written many at a time

The courier lives as long as its worker. The job `deliver` wakes it and returns, so that an endpoint
that keeps it waiting keeps no drain waiting. One worker delivers at a time: it holds a lease in
Redis, which makes concurrency, rate and breaker of an endpoint hold for the whole installation.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from shared.callbacks.attempts import (
    ATTEMPT_SECONDS_MAX,
    DISABLING_STATUS,
    AttemptResult,
    attempt,
)
from shared.callbacks.carried_urls import carried_url
from shared.callbacks.conversion_facts import ConversionFacts, load_facts
from shared.callbacks.http_client import HttpClient
from shared.callbacks.http_connection import HttpRequest
from shared.callbacks.masking import masked_url
from shared.callbacks.requests import build_request
from shared.clock import Clock
from shared.database import Connection, DatabaseError
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
from workers.deliver.retry_schedule import delay_seconds

LINGER_SECONDS = 2.0  # without anything due; then the next job wakes it
_TICK_SECONDS = 0.05
_OUTAGE_PAUSE_SECONDS = 0.5
_IN_FLIGHT_MAX = 512  # of all endpoints: each is a socket and a claim
_WAIT_SECONDS_MAX = CLAIM_SECONDS - ATTEMPT_SECONDS_MAX - 5  # of a claim for its turn
_WRITTEN_AT_ONCE = 64  # results that do not wait for the next tick

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CourierTools:
    """What a courier is given: everything that it does not decide by itself."""

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
    _loads: dict[int, EndpointLoad] = field(default_factory=dict)
    _turns: dict[int, asyncio.Semaphore] = field(default_factory=dict)
    _released: list[Claim] = field(default_factory=list)
    _results: list[Result] = field(default_factory=list)
    _flights: set[asyncio.Task[None]] = field(default_factory=set)
    _enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, is_over: Callable[[], bool], linger_seconds: float) -> None:
        """Delivers until nothing was due for some seconds, then until everything has landed."""
        quiet_since = self.tools.monotonic()
        while not is_over() and self.tools.lease.hold():
            if self._step() or self._flights:
                quiet_since = self.tools.monotonic()
            elif self.tools.monotonic() - quiet_since >= linger_seconds:
                break
            await self._pause()
        await self.land()
        self.tools.lease.release()

    async def land(self) -> None:
        """Waits for the requests in flight and writes what became of them."""
        while self._flights:
            self.tools.lease.hold()
            await asyncio.wait(self._flights, timeout=1.0)
            self._write()
        self._write()

    async def _pause(self) -> None:
        """Waits for the next tick, or until enough requests have ended."""
        self._enough.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_TICK_SECONDS):
                await self._enough.wait()

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        if len(self._results) >= _WRITTEN_AT_ONCE or not self._flights:
            self._enough.set()

    def _step(self) -> int:
        """Writes results and begins what there is room for; how many callbacks began."""
        try:
            self._write()
            return self._begin()
        except DatabaseError as fault:
            _log.warning("PostgreSQL: %s; callbacks wait", type(fault).__name__)
            self.tools.lost_connection()
            time.sleep(_OUTAGE_PAUSE_SECONDS)
            return 0

    def _write(self) -> None:
        if self._results:
            write_results(self.tools.connection(), self._results)
            self._results = []
        if self._released:
            release(self.tools.connection(), [each.id for each in self._released])
            self._released = []

    def _begin(self) -> int:
        endpoints = {each.id: each for each in due_endpoints(self.tools.connection())}
        rooms = self._rooms(endpoints)
        if not rooms:
            return 0
        claims = claim(self.tools.connection(), rooms)
        facts = load_facts(self.tools.connection(), [each.id for each in claims])
        self._count_begun(claims)
        for each in claims:
            self._send(each, endpoints[each.endpoint_id], facts.get(each.id))
        return len(claims)

    def _rooms(self, endpoints: dict[int, DueEndpoint]) -> dict[int, int]:
        """Returns how many callbacks of each endpoint may begin, fairly if there are too many."""
        now = self.tools.monotonic()
        free = _IN_FLIGHT_MAX - len(self._flights)
        rooms: dict[int, int] = {}
        for number, endpoint in endpoints.items():
            load = self._loads.setdefault(
                number, EndpointLoad(endpoint.concurrency_max, endpoint.rate_max)
            )
            if load.concurrency_max != endpoint.concurrency_max or number not in self._turns:
                self._turns[number] = asyncio.Semaphore(endpoint.concurrency_max)
            load.concurrency_max, load.rate_max = endpoint.concurrency_max, endpoint.rate_max
            share = max(1, free // len(endpoints))
            if (room := min(load.room(now), share, free)) > 0:
                rooms[number] = room
        return rooms

    def _count_begun(self, claims: Sequence[Claim]) -> None:
        now = self.tools.monotonic()
        for endpoint_id in sorted({each.endpoint_id for each in claims}):
            count = sum(each.endpoint_id == endpoint_id for each in claims)
            self._loads[endpoint_id].begin(now, count)

    def _send(self, claimed: Claim, endpoint: DueEndpoint, facts: ConversionFacts | None) -> None:
        request = self._request(endpoint, facts)
        if request is None:
            self._results.append(self._withheld(claimed, facts))
            self._loads[endpoint.id].end(self.tools.monotonic(), is_failure=False)
            return
        task = asyncio.get_running_loop().create_task(self._take_turn(claimed, endpoint, request))
        self._flights.add(task)
        task.add_done_callback(self._landed)

    async def _take_turn(self, claimed: Claim, endpoint: DueEndpoint, request: HttpRequest) -> None:
        """Sends a callback when there is room, or gives it back if that is not soon."""
        claimed_at = self.tools.monotonic()
        load = self._loads[endpoint.id]
        is_probe = load.is_open
        async with self._turns[endpoint.id]:
            waited = self.tools.monotonic() - claimed_at
            if (load.is_open and not is_probe) or waited > _WAIT_SECONDS_MAX:
                load.release()
                self._released.append(claimed)
            else:
                await self._attempt(claimed, endpoint, request)

    def _request(self, endpoint: DueEndpoint, facts: ConversionFacts | None) -> HttpRequest | None:
        if facts is None:
            return None
        sent = endpoint.endpoint
        if endpoint.carried:
            url = carried_url(facts, endpoint.hosts)
            if url is None:
                return None
            sent = type(sent)(sent.id, "GET", url, sent.secret_version)
        return build_request(self.tools.key, sent, facts, self.tools.now_ms())

    async def _attempt(self, claimed: Claim, endpoint: DueEndpoint, request: HttpRequest) -> None:
        began_ms, began = self.tools.now_ms(), self.tools.monotonic()
        result = await attempt(
            self.tools.client, request, endpoint.answer_contains, ATTEMPT_SECONDS_MAX
        )
        now = self.tools.monotonic()
        is_failure = not result.is_delivered and not _is_refusal(result)
        self._loads[endpoint.id].end(now, is_failure=is_failure)
        self.tools.counts.attempted(result, now - began)
        self._results.append(
            Result(
                callback_id=claimed.id,
                number=claimed.attempts,
                endpoint_id=endpoint.id,
                at_ms=began_ms,
                request=f"{request.method} {masked_url(request.url)}",
                outcome=result.outcome,
                status=result.status,
                took_ms=round((now - began) * 1000),
                answer=result.answer,
                is_failure=is_failure,
                **self._next(claimed, result),
            )
        )

    def _next(self, claimed: Claim, result: AttemptResult) -> dict[str, Any]:
        """Returns the state that the callback is in after an attempt."""
        if result.is_delivered:
            return {"state": "delivered", "reason": None, "due_seconds": None}
        if result.status == DISABLING_STATUS:
            # It waits: whoever resumes the endpoint has it sent.
            return {"state": "waiting", "reason": "gone", "due_seconds": 0.0}
        now = self.tools.now_ms() / 1000
        delay = delay_seconds(claimed.attempts, result.retry_after, now, self.tools.random)
        if result.is_final or delay is None:
            return {"state": "failed", "reason": result.outcome, "due_seconds": None}
        return {"state": "waiting", "reason": result.outcome, "due_seconds": delay}

    def _withheld(self, claimed: Claim, facts: ConversionFacts | None) -> Result:
        """Of a callback that nothing can be sent for."""
        reason = "erased" if facts is None else "no_url"
        return Result(
            callback_id=claimed.id,
            number=claimed.attempts,
            endpoint_id=claimed.endpoint_id,
            state="withheld",
            reason=reason,
            due_seconds=None,
            at_ms=self.tools.now_ms(),
            request="",
            outcome="the click carries no URL that may be used" if facts else "nothing is left",
            status=None,
            took_ms=0,
            answer="",
            is_failure=False,
        )


def _is_refusal(result: AttemptResult) -> bool:
    """Tells whether the other side answered that this one request is wrong."""
    return result.is_final and result.status is not None and 400 <= result.status < 500
