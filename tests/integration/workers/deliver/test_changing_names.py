"""A name that leads to the partner now, and a moment later into a network of the operator's own.

A server on another address of loopback, which nobody allowed, counts its connections.
"""

import asyncio
import itertools
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network

import pytest

from shared.callbacks.addresses import AddressGuard
from shared.callbacks.attempts import attempt
from shared.callbacks.http_client import HttpClient
from shared.callbacks.http_connection import AddressRefused, HttpRequest
from tests.integration.workers.deliver.conftest import HOST, Office
from tests.integration.workers.deliver.receiver import Receiver
from tests.integration.workers.deliver.test_no_way_in import PRIVATE

PARTNER, INSIDE = "127.0.0.1", "127.0.0.2"
ONLY_PARTNER = AddressGuard((ip_network(f"{PARTNER}/32"),))
# In the place of which another answer may come at any time.
ELSEWHERE = sorted(each for each in PRIVATE if not ONLY_PARTNER.allows_address(each))


@dataclass
class Canary:
    """A server inside, at the port of the receiver."""

    port: int
    connections: int = 0

    def __post_init__(self) -> None:
        self._socket = socket.create_server((INSIDE, self.port))
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        with suppress(OSError):  # closed
            while True:
                self._socket.accept()[0].close()
                self.connections += 1

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def canary(receiver: Receiver) -> Iterator[Canary]:
    canary = Canary(receiver.port)
    with socket.create_connection((INSIDE, receiver.port)):
        pass  # it counts
    while canary.connections < 1:
        pass
    yield canary
    canary.close()


class Names:
    """A resolver that answers in turn with each of `answers`, and remembers how often."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = itertools.cycle(answers)
        self.asked = 0

    async def resolve(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return list(next(self._answers))


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_whatever_a_name_resolves_to_later_it_is_checked_again(
    receiver: Receiver, elsewhere: str
) -> None:
    names = Names([PARTNER], [elsewhere], [PARTNER, elsewhere], [elsewhere, PARTNER])
    guard = AddressGuard(ONLY_PARTNER.networks, frozenset({receiver.port}))
    request = HttpRequest("GET", f"http://{HOST}:{receiver.port}/200", (("webhook-id", "1"),))

    async def send() -> int:
        client = HttpClient(guard, names.resolve)
        status = (await client.send(request, 5)).status
        for _ in range(3):
            client.close()  # a connection that was checked may be used again; here is none
            with pytest.raises(AddressRefused):
                await client.send(request, 5)
        return status

    assert asyncio.run(send()) == 200
    assert (names.asked, receiver.connections) == (4, 1)


def test_a_name_is_resolved_once_for_each_connection_and_not_again_to_connect(
    office: Office, canary: Canary
) -> None:
    """Between a check and a connection there is nothing that could change."""
    names = Names([PARTNER], [INSIDE])
    office.resolve = names.resolve
    endpoint = office.endpoint("broken", concurrency_max=1)  # a connection for each request
    office.due(endpoint, 8)

    office.deliver()

    told = len(office.receiver.requests)
    refused = sum("not allowed" in outcome for outcome, _ in office.outcomes())
    assert (told, refused, names.asked) == (4, 4, 8)
    assert canary.connections == 1


def test_a_proxy_of_the_environment_is_not_used(
    office: Office, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{INSIDE}:{canary.port}")
    office.due(office.endpoint("200"), 3)

    office.deliver()

    assert len(office.receiver.requests) == 3
    assert canary.connections == 1


def test_an_answer_that_comes_byte_by_byte_has_no_more_time_than_another(
    receiver: Receiver,
) -> None:
    guard = AddressGuard(ONLY_PARTNER.networks, frozenset({receiver.port}))
    request = HttpRequest("GET", f"http://{HOST}:{receiver.port}/drip", (("webhook-id", "1"),))

    async def send() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        client, began = HttpClient(guard, Names([PARTNER]).resolve), loop.time()
        result = await attempt(client, request, None, 1.0)
        client.close()
        return result.outcome, loop.time() - began

    outcome, seconds = asyncio.run(send())

    assert outcome == "no answer within 1 s; it may have arrived"
    assert seconds < 3
