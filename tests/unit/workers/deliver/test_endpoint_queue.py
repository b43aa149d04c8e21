"""Tests the claims of one endpoint: sent in turn, and given back when it has stopped to answer."""

import asyncio
from uuid import UUID

from shared.callbacks.requests import CallbackEndpoint
from workers.deliver.endpoint_load import FAILURES_MAX, EndpointLoad
from workers.deliver.endpoint_queue import EndpointQueue
from workers.deliver.outbox_claims import Claim, DueEndpoint

ENDPOINT = DueEndpoint(
    id=1,
    endpoint=CallbackEndpoint(1, "GET", "https://partner.example/"),
    hosts=(),
    carried=False,
    answer_contains=None,
    concurrency_max=2,
    rate_max=None,
    failures=0,
    payout_only=False,
)


def queue_of(count: int) -> EndpointQueue:
    queue = EndpointQueue(EndpointLoad(2, None), ENDPOINT)
    for number in range(count):
        queue.add(Claim(UUID(int=number), 1, 1, None), float(number))
    return queue


def fly(queue: EndpointQueue, *, fails: bool) -> list[int]:
    """Lets one flight take what waits; returns what it sent."""
    sent: list[int] = []

    async def send(claimed: Claim, queue: EndpointQueue) -> None:
        sent.append(claimed.id.int)
        queue.load.end(0.0, is_failure=fails)

    queue.flights += 1
    asyncio.run(queue.fly(send))
    return sent


def test_as_many_fly_as_the_endpoint_allows_and_there_is_something_for() -> None:
    assert [queue_of(count).flights_to_begin() for count in (0, 1, 5)] == [0, 1, 2]
    queue = queue_of(5)
    queue.flights = 2
    assert queue.flights_to_begin() == 0


def test_one_flight_sends_everything_that_waits_in_turn() -> None:
    queue = queue_of(5)

    assert fly(queue, fails=False) == [0, 1, 2, 3, 4]
    assert (queue.flights, queue.load.in_flight) == (0, 0)


def test_a_flight_ends_once_the_breaker_has_opened_and_the_rest_is_given_back() -> None:
    queue = queue_of(FAILURES_MAX + 3)

    assert fly(queue, fails=True) == list(range(FAILURES_MAX))
    assert [each.id.int for each in queue.take_back(-1.0)] == [10, 11, 12]
    assert (len(queue.waiting), queue.load.in_flight) == (0, 0)


def test_a_probe_of_an_open_breaker_is_sent() -> None:
    queue = queue_of(FAILURES_MAX)
    fly(queue, fails=True)
    queue.add(Claim(UUID(int=77), 1, 2, None), 99.0)

    assert fly(queue, fails=True) == [77]


def test_what_waits_for_too_long_is_given_back_and_the_rest_stays() -> None:
    queue = queue_of(5)

    assert [each.id.int for each in queue.take_back(2.0)] == [0, 1, 2]
    assert [claimed.id.int for claimed, _ in queue.waiting] == [3, 4]
    assert queue.load.in_flight == 2


def test_an_endpoint_is_forgotten_when_nothing_is_left_of_it_and_it_had_nothing_for_long() -> None:
    queue = queue_of(2)  # the last one at second 1

    assert not queue.is_forgotten(99.0)
    fly(queue, fails=False)
    assert queue.is_forgotten(99.0)
    assert not queue.is_forgotten(1.0)
