"""Finds the IP address of a client, behind proxies of one's own.

Behind them the connection shows the nearest one. Each appends the address that it serves to the
right of X-Forwarded-For, so as many entries from the right are trustworthy as there are proxies;
whatever stands further to the left could have been written by anybody. `Forwarded` (RFC 7239) is
not read: proxies that do not write it pass on what a client wrote.
"""

from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from socket import AF_INET, inet_pton

_LIST_CHARACTERS_MAX = 4_096


def client_address(peer: str | None, forwarded_for: str | None, hops: int) -> str | None:
    """Returns the client's IP address, behind `hops` trusted proxies.

    None if it is not known: a request that passed fewer proxies did not come the trusted way.
    """
    if hops == 0:
        return _address(peer)
    entries = (forwarded_for or "")[-_LIST_CHARACTERS_MAX:].split(",")
    return _address(entries[-hops]) if len(entries) >= hops else None


@lru_cache(maxsize=4_096)  # a proxy has one address for all, and a visitor for a few requests
def _address(text: str | None) -> str | None:
    # A zone, as in fe80::1%eth0, has a meaning on its own host only, and no place in an inet.
    bare = (text or "").strip().partition("%")[0]
    # Some proxies write a port: 192.0.2.1:443 or [2001:db8::1]:443.
    host = bare[1:].partition("]")[0] if bare.startswith("[") else bare.partition(":")[0]
    for candidate in (bare, host):
        with suppress(OSError, ValueError):
            inet_pton(AF_INET, candidate)  # in C: ip_address, with the same result, took 3 us
            return candidate
        try:
            return str(ip_address(candidate))
        except ValueError:
            continue
    return None
