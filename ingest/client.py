"""Finds the client at the other end of a request: its IP address and its browser."""

from collections.abc import Iterable
from dataclasses import dataclass

from falcon.asgi import Request

from shared import fields
from shared.errors import MalformedField
from shared.http.client_address import client_address

# Headers in which browsers say that nobody has clicked yet: they load what may be clicked next.
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_PREFETCH = ("prefetch", "prerender", "preview")


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
