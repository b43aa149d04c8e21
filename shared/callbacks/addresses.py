"""Decides to which addresses a callback may be sent: never into a network of the operator's own.

The decision is made on the address that a connection is opened to, not on the text of the URL: a
name may resolve to anything, and to something else a moment later. Python's `is_global` accepts
among others 168.63.129.16, 224.0.0.1 and 64:ff9b::7f00:1, so the refused networks are listed here,
from IANA's registries of special purpose addresses.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = frozenset({80, 443})

# Refused whatever an operator allows: credentials of a cloud's machines are served here.
_METADATA = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",  # link-local; AWS, Google, Azure, DigitalOcean at .169.254
            "168.63.129.16/32",  # Azure
            "100.100.100.200/32",  # Alibaba
            "192.0.0.192/32",  # Oracle
            "fe80::/10",
            "fd00:ec2::/32",  # AWS
            "fd00:c1::/32",  # Oracle
            "fd00:42::42/128",  # Scaleway
            "fd20:ce::254/128",  # Google
        ),
    )
)
_REFUSED = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
            *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            *("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20"),
        ),
    )
)
_GLOBAL_IPV6 = IPv6Network("2000::/3")  # everything else is reserved, local or multicast
# IPv4 inside IPv6, by the number of bits to the right of it. NAT64 of a local network may have it
# in several places, so 64:ff9b:1::/48 is refused as a whole, as is Teredo's network.
_EMBEDDING = tuple(
    (IPv6Network(network), shift)
    for network, shift in (
        ("::/96", 0),  # IPv4-compatible
        ("::ffff:0:0/96", 0),  # IPv4-mapped
        ("::ffff:0:0:0/96", 0),  # IPv4-translated
        ("64:ff9b::/96", 0),  # NAT64
        ("2002::/16", 80),  # 6to4
    )
)
_HOST = re.compile(r"(?=.{1,253}\Z)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*"
                   r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")  # fmt: skip


@dataclass(frozen=True)
class AddressGuard:
    """The addresses that this installation allows beyond public ones, and those that it never does.

    `networks` and `ports` are those that the operator allowed; `services` are the hosts and ports
    of Waybill's own programs and stores.
    """

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset()
    services: frozenset[tuple[str, int]] = frozenset()

    def allows_port(self, port: int) -> bool:
        """Tells whether callbacks may be sent to this port."""
        return port in PORTS or port in self.ports

    def allows_address(self, text: str) -> bool:
        """Tells whether a connection may be opened to this address, in any of its meanings."""
        address = _read(text)
        if address is None:
            return False
        embedded = _embedded(address)
        if embedded is None:
            return self._allows(address)
        # Outside of the global networks it is nothing but another spelling of the IPv4 address.
        is_spelling = address not in _GLOBAL_IPV6
        return self._allows(embedded) and (is_spelling or self._allows(address))

    def service_hosts(self, port: int) -> frozenset[str]:
        """Returns the hosts of Waybill's own programs and stores that listen at this port."""
        return frozenset(host for host, number in self.services if number == port)

    def is_own_service(self, host: str, addresses: Iterable[str], own: Iterable[str]) -> bool:
        """Tells whether a host is one of `own`, the names and addresses of Waybill's programs.

        A public address is judged by its name alone: others may share it behind a proxy.
        """
        programs = {_place(each) for each in own}
        hidden = {_place(each) for each in addresses if not PUBLIC.allows_address(each)}
        return host in programs or not hidden.isdisjoint(programs)

    def _allows(self, address: Address) -> bool:
        if _within(address, _METADATA):
            return False
        if _within(address, self.networks):
            return True
        if _within(address, _REFUSED):
            return False
        return isinstance(address, IPv4Address) or address in _GLOBAL_IPV6


def host_fault(host: str) -> str | None:
    """Returns the rule that the host of a URL breaks, as the end of a sentence; None if valid."""
    if not _HOST.fullmatch(host):
        return (
            "must name a host such as partner.example: no macro, no IP address, no user name or "
            "password, only letters, digits, dots and hyphens."
        )
    return None


def _read(text: str) -> Address | None:
    """Reads an address; one with a zone leads to a link of this machine, and is none."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def _place(text: str) -> str:
    """Returns a name as it is, and one spelling of an address; of loopback any is all."""
    address = _read(text)
    if address is None:
        return text
    plain = _embedded(address) or address
    return "127.0.0.1" if plain.is_loopback or address.is_loopback else str(plain)


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _embedded(address: Address) -> IPv4Address | None:
    """Returns the IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return None
    for network, shift in _EMBEDDING:
        if address in network:
            return IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    # ISATAP (RFC 5214): any network, and the address after 0000:5efe or 0200:5efe.
    if int(address) >> 32 & 0xFDFFFFFF == 0x5EFE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


PUBLIC = AddressGuard()
