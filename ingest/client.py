"""Finds the client at the other end of a request: its IP address and its browser.

Behind proxies of one's own the connection shows the nearest of them. Each appends the address that
it serves to the right of X-Forwarded-For, so as many entries from the right are trustworthy as
there are proxies; whatever stands further to the left could have been written by anybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from falcon.asgi import Request

from shared import fields
from shared.errors import MalformedField

# Headers in which browsers say that nobody has clicked yet: they load what may be clicked next.
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_PREFETCH = ("prefetch", "prerender", "preview")
_LIST_CHARACTERS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The device that a request comes from; None where the connection does not say.

    `unread_address` is what a header said where an address was expected.
    """

    address: str | None = None
    user_agent: str | None = None
    unread_address: str | None = None


UNKNOWN_CLIENT = ClientInfo()


def request_address(request: Request, hops: int) -> str | None:
    """Returns the address that a request comes from, behind `hops` trusted proxies."""
    peer, _ = request.scope.get("client") or (None, None)
    return client_address(peer, request.get_header("X-Forwarded-For"), hops)


def client_address(peer: str | None, forwarded_for: str | None, hops: int) -> str | None:
    """Returns the client's IP address, behind `hops` trusted proxies.

    None if it is not known: a request that passed fewer proxies did not come the trusted way.
    """
    if hops == 0:
        return _address(peer)
    entries = (forwarded_for or "")[-_LIST_CHARACTERS_MAX:].split(",")
    return _address(entries[-hops]) if len(entries) >= hops else None


def described_client(header: str | None) -> ClientInfo:
    """Returns the client whose address a sender's header gives, alone or as a list of proxies."""
    if not header:
        return UNKNOWN_CLIENT
    try:
        return ClientInfo(fields.address("", header))
    except MalformedField:
        return ClientInfo(unread_address=header)


def is_prefetch(purposes: Iterable[str | None]) -> bool:
    """Tells whether any of the PREFETCH_HEADERS announces a prefetch."""
    return any(
        purpose is not None and purpose.strip().lower().startswith(_PREFETCH)
        for purpose in purposes
    )


def _address(text: str | None) -> str | None:
    # A zone, as in fe80::1%eth0, has a meaning on its own host only, and no place in an inet.
    bare = (text or "").strip().partition("%")[0]
    # Some proxies write a port: 192.0.2.1:443 or [2001:db8::1]:443.
    host = bare[1:].partition("]")[0] if bare.startswith("[") else bare.partition(":")[0]
    for candidate in (bare, host):
        try:
            return str(ip_address(candidate))
        except ValueError:
            continue
    return None
