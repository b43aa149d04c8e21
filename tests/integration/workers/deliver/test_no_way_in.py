"""No URL leads to a server on loopback, which counts its connections."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from shared.callbacks.addresses import AddressGuard
from shared.callbacks.http_client import FILLED_CHARACTERS_MAX, HttpClient
from shared.callbacks.http_connection import AddressRefused, HttpRequest, SendFault
from shared.callbacks.templates import url_fault
from tests.integration.workers.deliver.receiver import Receiver

# PORT is that of the server on loopback, which the operator allows.
LITERALS = (
    *("127.0.0.1", "127.1", "127.0.1", "0", "0.0.0.0", "2130706433", "017700000001", "0x7f000001"),
    *("0x7f.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "0177.0x0.0.1", "127.0.0.1.", "127.000.000.001"),
    *(
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
    ),
    *("[2002:7f00:1::]", "[fe80::1%25lo]", "[::ffff:0:127.0.0.1]", "[v1.fe80]"),
    *("①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "ｌｏｃａｌｈｏｓｔ", "%31%32%37.0.0.1"),  # noqa: RUF001
    *("user@localhost", "user:secret@localhost", "partner.example@localhost", "@localhost"),
    *("partner.example\\@localhost", "localhost\\.partner.example", "localhost%00.example"),
    *(
        "localhost%2f.example",
        "local\thost",
        "local\nhost",
        " localhost",
    ),
)
WHOLE = (
    *("file:///etc/passwd", "ftp://localhost:PORT/", "gopher://localhost:PORT/_"),
    "//localhost:PORT/",
    *("http:localhost:PORT/", "http:///localhost:PORT/", "http:/localhost:PORT/", "localhost:PORT"),
    *("http://localhost:+PORT/", "http://localhost:PORT PORT/", "http://localhost:0/"),
    *("http://localhost:99999/", "http://localhost:-1/"),
    *("http://localhost:PORT/\r\nHost: x", "http://localhost:PORT/ HTTP/1.1\r\nX: y"),
    "http://localhost:/:PORT",
    *("javascript:alert(1)", "data:text/plain,x", "unix:///tmp/socket", "http+unix://%2ftmp/x", ""),
)  # fmt: skip
# What a host name may resolve to, where nothing but public addresses is allowed.
PRIVATE = (
    *("127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b:1:7f00:1::808:808", "2002:7f00:1::", "::ffff:0:127.0.0.1"),
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "fd00::1"),
    *("fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "fd00:ec2::254", "168.63.129.16"),
    *("2606:4700::5efe:7f00:1", "2001:0:7f00:1::", "255.255.255.255", "224.0.0.1"),
)
REQUESTED = (("webhook-id", "1"),)


def send(url: str, addresses: Sequence[str], guard: AddressGuard) -> SendFault:
    """Sends to a URL whose host resolves to these addresses, and returns the fault."""

    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    async def attempt() -> SendFault:
        client = HttpClient(guard, resolve)
        try:
            with pytest.raises(SendFault) as caught:
                await client.send(HttpRequest("GET", url, REQUESTED), 3)
            return caught.value
        finally:
            client.close()

    return asyncio.run(attempt())


@pytest.mark.parametrize("host", LITERALS)
def test_no_spelling_of_loopback_is_a_host(receiver: Receiver, host: str) -> None:
    url = f"http://{host}:{receiver.port}/200"
    everything = AddressGuard(
        (ip_network("0.0.0.0/0"), ip_network("::/0")), frozenset({receiver.port})
    )

    assert url_fault(url)
    assert isinstance(send(url, ["127.0.0.1"], everything), AddressRefused)
    assert receiver.connections == 0


@pytest.mark.parametrize("url", WHOLE)
def test_no_other_form_of_a_url_is_sent(receiver: Receiver, url: str) -> None:
    url = url.replace("PORT", str(receiver.port))
    guard = AddressGuard((ip_network("127.0.0.0/8"),), frozenset({receiver.port}))

    assert url_fault(url)
    assert isinstance(send(url, ["127.0.0.1"], guard), AddressRefused)
    assert receiver.connections == 0


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.parametrize("others", [[], ["93.184.216.34"]])
def test_a_name_that_resolves_to_anything_private_leads_nowhere(
    receiver: Receiver, address: str, others: list[str]
) -> None:
    guard = AddressGuard(ports=frozenset({receiver.port}))
    url = f"http://partner.example:{receiver.port}/200"

    for addresses in ([*others, address], [address, *others]):
        assert isinstance(send(url, addresses, guard), AddressRefused)
    assert receiver.connections == 0


@pytest.mark.parametrize("port", [1, 22, 25, 5432, 6379, 8080, 8443, 65535])
def test_a_port_that_is_not_allowed_is_not_connected_to(receiver: Receiver, port: int) -> None:
    guard = AddressGuard((ip_network("127.0.0.0/8"),), frozenset({receiver.port}))

    fault = send(f"http://partner.example:{port}/", ["127.0.0.1"], guard)

    assert fault.reason == "the port is not allowed"


@pytest.mark.parametrize("own", ["db", "127.0.0.1", "localhost"])
def test_an_own_store_is_refused_under_an_alias(receiver: Receiver, own: str) -> None:
    guard = AddressGuard(
        (ip_network("127.0.0.0/8"),),
        frozenset({receiver.port}),
        frozenset({(own, receiver.port)}),
    )

    fault = send(f"http://alias.example:{receiver.port}/200", ["127.0.0.1"], guard)

    assert fault.reason == "the address is one of Waybill's own"
    assert receiver.connections == 0


def test_a_url_that_is_too_long_once_it_is_filled_in_is_not_sent(receiver: Receiver) -> None:
    guard = AddressGuard((ip_network("127.0.0.0/8"),), frozenset({receiver.port}))
    url = f"http://partner.example:{receiver.port}/?{'x' * FILLED_CHARACTERS_MAX}"

    assert "characters" in send(url, ["127.0.0.1"], guard).reason
    assert receiver.connections == 0
