"""Finds the client at the other end of a request: its IP address and its browser."""

from collections.abc import Iterable
from dataclasses import dataclass

from falcon.asgi import Request

from ingest.parameters import RawParameters
from shared import fields
from shared.errors import MalformedField
from shared.http.client_address import client_address

# Headers in which browsers say that nobody has clicked yet: they load what may be clicked next.
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
SDK_CHARACTERS_MAX = 64
_OF_SDKS = ("queue_size", "attempts")  # of a queue on the device, which no server has
_PREFETCH = ("prefetch", "prerender", "preview")


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The device that a request comes from; None where the connection does not say.

    `unread_address` is what a header said where an address was expected; `sdk` is the SDK that
    calls, with its version, in its own words.
    """

    address: str | None = None
    user_agent: str | None = None
    unread_address: str | None = None
    sdk: str | None = None


UNKNOWN_CLIENT = ClientInfo()


def request_address(request: Request, hops: int) -> str | None:
    """Returns the address that a request comes from, behind `hops` trusted proxies."""
    client = request.scope.get("client")
    if not isinstance(client, tuple):  # ASGI promises an iterable, which can perhaps be read once
        client = request.scope["client"] = tuple(client or (None, None))
    forwarded = request.get_header("X-Forwarded-For") if hops else None
    return client_address(client[0], forwarded, hops)


def header_text(request: Request, name: str) -> str | None:
    """Returns a header, which is UTF-8 if it can be, and else Latin-1 as HTTP had it first."""
    text = request.get_header(name)
    if text is None or text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def client_of(request: Request, hops: int) -> ClientInfo:
    """Returns the client at the other end of the connection, behind `hops` trusted proxies."""
    sdk = request.get_header("Client-SDK")
    return ClientInfo(
        request_address(request, hops),
        header_text(request, "User-Agent"),
        sdk=sdk if sdk is None else sdk[:SDK_CHARACTERS_MAX],
    )


def is_sdk_call(request: Request, raw: RawParameters, token_names: Iterable[str]) -> bool:
    """Tells an SDK's call from a server's, which says `s2s=1` or shows a token."""
    if b"1" in raw.values("s2s") or any(map(raw.values, token_names)):
        return False
    scheme = (request.get_header("Authorization") or "Signature").partition(" ")[0]
    if scheme.lower() != "signature":
        return False
    return (
        request.get_header("Client-SDK") is not None
        or b"web" in raw.values("platform")
        or any(map(raw.values, _OF_SDKS))
    )


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
