"""Which addresses say where a visitor is."""

import re
from pathlib import Path

import pytest

from tests.support.journeys import person
from workers.core.addresses import public_address


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "169.254.10.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.4",
        "192.168.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:100.64.0.1",
    ],
)
def test_an_address_that_anyone_may_have_says_nothing(address: str) -> None:
    assert public_address(address) is None


@pytest.mark.parametrize(
    "text", [None, "", "undefined", "203.0.113", "203.0.113.007", "a.b", "[::1"]
)
def test_what_is_no_address_says_nothing(text: str | None) -> None:
    assert public_address(text) is None


@pytest.mark.parametrize(
    "address",
    [
        "1.0.0.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "203.0.113.7",
        "223.255.255.255",
        "2001:db8::1",
        "::2",
    ],
)
def test_the_neighbours_of_those_networks_are_public(address: str) -> None:
    assert public_address(address) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" 203.0.113.7 ", "203.0.113.7"),
        ("::FFFF:203.0.113.7", "203.0.113.7"),
        ("2001:0DB8:0:0::1", "2001:db8::1"),
    ],
)
def test_an_address_has_one_spelling(text: str, address: str) -> None:
    assert public_address(text) == address


def test_the_bench_and_made_up_people_have_addresses_that_are_looked_up() -> None:
    requests = Path(__file__).parents[3] / "bench/requests.lua"
    (form,) = re.findall(r'"(\d+)\.%d\.%d\.%d"', requests.read_text())

    assert public_address(f"{form}.18.0.0")
    assert public_address(f"{form}.19.255.255")
    assert all(public_address(person(7, number).address) for number in range(1_000))
