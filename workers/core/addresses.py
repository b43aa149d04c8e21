"""Which IP addresses say where a visitor is.

An address behind which unrelated people sit, each with their own copy of it, ties nobody to a
click. The networks are written out because `ipaddress.is_private` has changed its answers between
releases of Python, and a decision may not change with the interpreter.
"""

from bisect import bisect
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

NOWHERE_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # unspecified: "this network"
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # the phone's own end of a carrier's IPv6 translation
        "192.168.0.0/16",  # private
        "224.0.0.0/3",  # multicast, reserved, broadcast: nobody calls from there
    )
)
NOWHERE_V6 = tuple(
    IPv6Network(network)
    for network in (
        "::/127",  # unspecified and loopback
        "fc00::/7",  # private (unique local)
        "fe80::/10",  # link-local
        "fec0::/10",  # private (site-local, as it was)
        "ff00::/8",  # multicast
    )
)

_STARTS_V4 = [int(network.network_address) for network in NOWHERE_V4]  # in order
_ENDS_V4 = [int(network.broadcast_address) for network in NOWHERE_V4]


# A few addresses own many clicks, and parsing is half the cost of weighing one (10 us to 5).
@lru_cache(maxsize=16_384)
def public_address(text: str | None) -> str | None:
    """The address in its one canonical spelling; None if it is no address, or says nothing."""
    try:
        address = ip_address((text or "").strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return _public_v6(address)
    return _public_v4(address)


def _public_v4(address: IPv4Address) -> str | None:
    # Between numbers: to ask each network took as long as to read the address.
    number = int(address)
    return None if _ENDS_V4[bisect(_STARTS_V4, number) - 1] >= number else str(address)


def _public_v6(address: IPv6Address) -> str | None:
    # A dual-stack listener reports IPv4 callers as ::ffff:a.b.c.d; the click may have come plainly.
    if address.ipv4_mapped is not None:
        return _public_v4(address.ipv4_mapped)
    return None if any(address in network for network in NOWHERE_V6) else str(address)
