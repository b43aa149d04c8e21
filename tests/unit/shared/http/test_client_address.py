"""Addresses of clients, behind no proxy, behind one's own, and behind a liar's."""

import pytest

from shared.http.client_address import client_address

PEER = "198.51.100.1"
LIE = "203.0.113.66"


def test_without_trusted_proxies_the_connection_alone_is_believed() -> None:
    assert client_address(PEER, None, 0) == PEER
    assert client_address(PEER, LIE, 0) == PEER
    assert client_address("2001:DB8::1", LIE, 0) == "2001:db8::1"
    assert client_address("fe80::1%eth0", LIE, 0) == "fe80::1"


@pytest.mark.parametrize(
    ("forwarded_for", "hops", "address"),
    [
        ("203.0.113.7", 1, "203.0.113.7"),
        (f"{LIE}, 203.0.113.7", 1, "203.0.113.7"),
        (f"{LIE},{LIE},203.0.113.7,10.0.0.2", 2, "203.0.113.7"),
        (f"{LIE}, 203.0.113.7, 10.0.0.3, 10.0.0.2", 3, "203.0.113.7"),
        (" 203.0.113.7 ", 1, "203.0.113.7"),
        ("203.0.113.7:49152", 1, "203.0.113.7"),
        ("2001:db8::7", 1, "2001:db8::7"),
        ("[2001:DB8::7]", 1, "2001:db8::7"),
        ("[2001:db8::7]:443", 1, "2001:db8::7"),
    ],
)
def test_behind_proxies_so_many_entries_from_the_right_are_believed(
    forwarded_for: str, hops: int, address: str
) -> None:
    assert client_address("10.0.0.1", forwarded_for, hops) == address


@pytest.mark.parametrize(
    ("forwarded_for", "hops"),
    [
        (None, 1),
        ("", 1),
        ("203.0.113.7", 2),
        ("unknown", 1),
        ("203.0.113.7,", 1),
        ("_hidden, 10.0.0.2", 2),
        ("x" * 100_000, 1),
    ],
)
def test_a_request_that_did_not_come_that_way_has_no_address(
    forwarded_for: str | None, hops: int
) -> None:
    assert client_address("10.0.0.1", forwarded_for, hops) is None


def test_a_very_long_list_is_read_from_the_right() -> None:
    assert client_address(None, f"{LIE}, " * 50_000 + "203.0.113.7", 1) == "203.0.113.7"


@pytest.mark.parametrize("peer", [None, "", "a socket"])
def test_a_connection_that_is_no_internet_one_has_no_address(peer: str | None) -> None:
    assert client_address(peer, None, 0) is None
