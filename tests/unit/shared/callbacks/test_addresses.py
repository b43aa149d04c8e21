"""No callback reaches a private, local, metadata or own address, however it is written."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.callbacks.addresses import AddressGuard, host_fault

GUARD = AddressGuard()
REFUSED = (
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200"),
    *("192.0.0.8", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "192.31.196.1", "192.52.193.1", "192.175.48.1"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254"),
    *("::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "2001::1", "2001:db8::1", "3fff::1"),
    *("5f00::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fec0::1", "ff02::1"),
    *("100::1", "fe80::1%eth0", "64:ff9b:1:7f00:1::", "2620:4f:8000::1"),
    # NAT64 of a local network, which may have the IPv4 address in several places
    *("64:ff9b:1:7f00:1::808:808", "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1::808:808"),
    # Teredo, by its server and its client; ISATAP in a public network; link-local with a zone
    *("2001:0:7f00:1::", "2001:0:808:808::8080:fe", "2606:4700::5efe:7f00:1"),
    *("2606:4700::200:5efe:a00:1", "2606:4700::1111%eth0", "::ffff:127.0.0.1%1"),
    *("2002:a9fe:a9fe::1", "2002:c0a8:101::1", "::ffff:0:a9fe:a9fe", "::a9fe:a9fe", "::7f00:1"),
    *("64:ff9b::7f00:1", "64:ff9b::ac10:1", "64:ff9b::c0a8:101", "64:ff9b::6440:1"),
    *("fd00:c1::a9fe:a9fe", "fd00:42::42", "fdff::1", "fe80::a9fe:a9fe", "febf::1", "ff05::2"),
    *("169.254.170.2", "169.254.42.42", "0.0.0.1", "0.255.255.255", "100.127.255.255"),
    *("172.31.0.1", "192.0.0.170", "198.19.0.1", "223.255.255.255.1", "247.1.1.1"),
    *("0", "0x7f.1", "0177.1", "017700000001", "127.0.1", "127.0.0.1 ", " 127.0.0.1"),
    *("1２7.0.0.1", "127。0。0。1", "①②⑦.⓪.⓪.①", "[::1]", "127.0.0.1:80", "127.0.0.01"),  # noqa: RUF001
    *("", "localhost", "2130706433", "0x7f000001", "127.1", "0177.0.0.1"),
)
ALLOWED = ("8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not GUARD.allows_address(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_a_public_address_is_allowed(address: str) -> None:
    assert GUARD.allows_address(address)


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_whatever_an_operator_allows_metadata_stays_refused(network: str) -> None:
    guard = AddressGuard((ip_network("0.0.0.0/0"), ip_network("::/0"), ip_network(network)))

    for address in (
        *("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "fe80::1"),
        *("::a9fe:a9fe", "::ffff:0:a9fe:a9fe", "2002:a9fe:a9fe::1", "fd00:c1::a9fe:a9fe"),
        *("64:ff9b::a83f:8110", "2606:4700::5efe:a9fe:a9fe", "fd20:ce::254", "fd00:42::42"),
    ):
        assert not guard.allows_address(address)


def test_a_network_of_ones_own_is_allowed_in_any_spelling() -> None:
    guard = AddressGuard((ip_network("10.1.0.0/16"),))

    assert guard.allows_address("10.1.2.3")
    assert guard.allows_address("::ffff:10.1.2.3")
    assert not guard.allows_address("10.2.0.1")
    assert not guard.allows_address("127.0.0.1")


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_an_address_inside_ipv6_is_judged_as_itself(address: IPv4Address) -> None:
    judged = GUARD.allows_address(str(address))

    assert GUARD.allows_address(str(IPv6Address(0xFFFF << 32 | int(address)))) == judged
    assert GUARD.allows_address(str(IPv6Address((0x64FF9B << 96) | int(address)))) == judged
    assert GUARD.allows_address(str(IPv6Address((0x2002 << 112) | (int(address) << 80)))) == judged


@given(st.ip_addresses(v=4))
def test_what_python_calls_private_is_refused(address: IPv4Address) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not GUARD.allows_address(str(address))


def test_ports_are_80_and_443_and_those_that_were_allowed() -> None:
    assert [port for port in (22, 80, 443, 6379, 8443) if GUARD.allows_port(port)] == [80, 443]
    assert AddressGuard(ports=frozenset({8443})).allows_port(8443)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "1.2.3.4", "[::1]"),
        *("::1", "①②⑦.⓪.⓪.①", "user@partner.example", "a b.example", "-a.example", ""),
        *("partner.example:80", "a..example", "part\r\nner.example", "{click_id}.example"),
        *("0", "0x7f.1", "0x7f.0x0.0x0.0x1", "0177.1", "017700000001", "127.0.1", "127.0.0.1."),
        *("１２７.0.0.1", "127。0。0。1", "⑯⑨。②⑤④", "ｌｏｃａｌｈｏｓｔ", "localhost.", "."),  # noqa: RUF001
        *("partner.example\\@127.0.0.1", "partner.example#@127.0.0.1", "a%2eb.example"),
        *("[::ffff:127.0.0.1]", "[fe80::1%25eth0]", "partner.example\t", "\x00.example"),
        *("аpple.example", "partner.example.1", "x" * 64 + ".example", "a." * 127 + "example"),  # noqa: RUF001
        *("#{click.id}.example", "partner.example/", "partner.example?", "münchen.example"),
    ],
)
def test_a_host_that_is_no_plain_name_is_refused(host: str) -> None:
    assert host_fault(host)


@pytest.mark.parametrize("host", ["partner.example", "a-b.c1.example", "localhost", "xn--p1ai.ru"])
def test_a_plain_name_is_a_host(host: str) -> None:
    assert host_fault(host) is None


def test_an_own_program_is_refused_under_any_name_or_spelling() -> None:
    guard = AddressGuard(services=frozenset({("db", 5432), ("127.0.0.1", 6379)}))

    assert guard.service_hosts(5432) == {"db"}
    for host, addresses, own in (
        ("db", ["10.0.0.5"], ["db"]),
        ("alias.example", ["10.0.0.5"], ["db", "10.0.0.5"]),
        ("alias.example", ["::ffff:10.0.0.5"], ["db", "10.0.0.5"]),
        ("alias.example", ["8.8.8.8", "10.0.0.5"], ["db", "::ffff:a00:5"]),
        ("localhost", ["127.0.0.1"], ["127.0.0.1"]),
        ("alias.example", ["127.0.0.2"], ["127.0.0.1"]),
        ("alias.example", ["::1"], ["127.0.0.1"]),
        ("alias.example", ["::ffff:127.9.9.9"], ["localhost", "::1"]),
    ):
        assert guard.is_own_service(host, addresses, own), (host, addresses)


def test_a_public_address_that_others_share_is_judged_by_its_name() -> None:
    own = ["console.shop.example", "93.184.216.34"]

    assert AddressGuard().is_own_service("console.shop.example", ["93.184.216.34"], own)
    assert not AddressGuard().is_own_service("partner.example", ["93.184.216.34"], own)
