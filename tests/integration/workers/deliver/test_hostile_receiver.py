"""A receiver that answers by chance gets everything, and nothing again after it said yes."""

import asyncio
from collections import defaultdict
from ipaddress import ip_network

import pytest

from shared.callbacks.addresses import AddressGuard
from shared.callbacks.http_client import HttpClient
from shared.callbacks.http_connection import AddressRefused, HttpRequest
from tests.integration.workers.deliver.conftest import HOST, Office
from tests.integration.workers.deliver.receiver import Receiver

CALLBACKS = 80
ROUNDS_MAX = 60
ACCEPTED = frozenset({"200", "slow", "large"})


def test_whatever_it_answers_each_callback_arrives_until_it_is_accepted(office: Office) -> None:
    ids = {str(each) for each in office.due(office.endpoint("mixed"), CALLBACKS)}

    for _ in range(ROUNDS_MAX):
        office.deliver()
        if {state for state, *_ in office.states().values()} == {"delivered"}:
            break
        # An operator resumes the endpoint and replays what has failed; time passes for the rest.
        office.connection.execute("UPDATE callback_endpoints SET disabled_at = NULL")
        office.connection.execute(
            "UPDATE callbacks SET state = 'waiting', attempts = 1, due_at = now()"
            " WHERE state IN ('waiting', 'failed')"
        )

    answers = defaultdict(list)
    for callback_id, kind in office.receiver.answered:
        answers[callback_id].append(kind)
    print(f"{len(ids)} callbacks, {len(office.receiver.answered)} requests")
    assert {state for state, *_ in office.states().values()} == {"delivered"}
    assert answers.keys() == ids
    for kinds in answers.values():
        assert [kind in ACCEPTED for kind in kinds] == [False] * (len(kinds) - 1) + [True]


def test_a_connection_that_nobody_uses_is_closed_though_the_receiver_keeps_it_open(
    receiver: Receiver,
) -> None:
    guard = AddressGuard((ip_network("127.0.0.1/32"),), frozenset({receiver.port}))

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async def count_connections() -> list[int]:
        client = HttpClient(guard, resolve)
        request = HttpRequest("GET", f"http://{HOST}:{receiver.port}/200", (("webhook-id", "1"),))
        counts = []
        for idle_seconds_max in (60.0, 60.0, 0.0, 60.0):
            client.close_idle(idle_seconds_max)
            assert (await client.send(request, 30)).status == 200
            counts.append(receiver.connections)
        client.close()
        return counts

    assert asyncio.run(count_connections()) == [1, 1, 2, 2]


@pytest.mark.parametrize(
    "second",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["127.0.0.2"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["fd00::1"],
        ["127.0.0.1", "10.0.0.1"],
    ],
)
def test_a_name_that_resolves_to_something_else_the_second_time_leads_nowhere(
    receiver: Receiver, second: list[str]
) -> None:
    """The client resolves and checks at each connection, and connects to what it has checked."""
    resolutions = iter([["127.0.0.1"], second])
    guard = AddressGuard((ip_network("127.0.0.1/32"),), frozenset({receiver.port}))

    async def resolve(_host: str, _port: int) -> list[str]:
        return next(resolutions)

    async def send_twice() -> None:
        client = HttpClient(guard, resolve)
        headers = (("webhook-id", "1"),)
        request = HttpRequest("GET", f"http://{HOST}:{receiver.port}/200", headers)
        assert (await client.send(request, 5)).status == 200
        client.close()  # the connection that was checked may be used again; another one may not
        with pytest.raises(AddressRefused):
            await client.send(request, 5)
        client.close()

    asyncio.run(send_twice())

    assert len(receiver.requests) == 1
