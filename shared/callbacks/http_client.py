"""Sends HTTP/1.1 requests to hosts of other people, many at once on one event loop.

A request is one attempt: a name is resolved, every address it has must be allowed, and the
connection is opened to the address that was checked, under the name that TLS verifies. Redirects
are not followed, proxies of the environment are not used, and nothing is read beyond a limit.

Written on asyncio and httptools, which Waybill has anyway: docs/decisions.md has the measurement.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from shared.callbacks.addresses import PUBLIC, AddressGuard, host_fault
from shared.callbacks.http_connection import (
    AddressRefused,
    HttpAnswer,
    HttpConnection,
    HttpRequest,
    SendFault,
)
from shared.callbacks.name_lookup import NameLookup

IDLE_SECONDS_MAX = 4.0  # below the 5 s after which many servers close
IDLE_CONNECTIONS_MAX = 64  # of one host
FILLED_CHARACTERS_MAX = 16_384  # of a URL with its values; servers read 8 KiB and more

Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class UrlTarget:
    """The place to which a URL leads."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Returns the value of the Host header."""
        is_usual = self.port == _PORTS[self.scheme]
        return self.host if is_usual else f"{self.host}:{self.port}"


_PORTS = {"http": 80, "https": 443}
# Visible ASCII only: a blank or a line break would end the path, or the line, of the request.
_URL = re.compile(r"(?P<origin>[A-Za-z]+://[^/?#\\\x00-\x20\x7f-\U0010ffff]*)"
                  r"(?P<rest>(?:[/?#][\x21-\x7e]*)?)")  # fmt: skip


class HttpClient:
    """Sends requests within one event loop, and keeps connections open for a few seconds."""

    def __init__(
        self,
        guard: AddressGuard,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._resolve = resolve or NameLookup().resolve
        self._tls = tls or ssl.create_default_context()
        self._idle: dict[tuple[str, str, int], deque[HttpConnection]] = {}

    async def send(self, request: HttpRequest, seconds_max: float) -> HttpAnswer:
        """Sends a request. Raises SendFault, also when there is no answer within the time."""
        phase = "connecting"
        try:
            async with asyncio.timeout(seconds_max):
                target = target_of(request.url)
                payload = _payload(request, target)
                connection = self._idle_connection(target)
                if connection is not None:
                    phase = "the answer"
                    answer = await self._try_again_unless_closed(connection, payload)
                    if answer is not None:
                        return self._kept(target, connection, answer)
                    phase = "connecting"
                connection = await self._connect(target)
                phase = "the answer"
                return self._kept(target, connection, await self._sent(connection, payload))
        except TimeoutError:
            sent = phase != "connecting"
            raise SendFault(
                f"no answer within {seconds_max:g} s"
                if sent
                else f"no connection within {seconds_max:g} s",
                may_have_arrived=sent,
            ) from None

    def close_idle(self, seconds_max: float = IDLE_SECONDS_MAX) -> None:
        """Closes connections that nobody has used for so long, whose servers may never do."""
        oldest = asyncio.get_running_loop().time() - seconds_max
        for target, connections in list(self._idle.items()):
            while connections and connections[0].idle_since <= oldest:
                connections.popleft().close()
            if not connections:
                del self._idle[target]

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _try_again_unless_closed(
        self, connection: HttpConnection, payload: bytes
    ) -> HttpAnswer | None:
        """Returns None when a server had closed a connection that was kept open.

        Raises SendFault if the answer had begun: then the request has arrived.
        """
        try:
            return await self._sent(connection, payload)
        except SendFault:
            if connection.has_begun:
                raise
            return None

    async def _sent(self, connection: HttpConnection, payload: bytes) -> HttpAnswer:
        try:
            return await connection.send(payload)
        except asyncio.CancelledError:
            connection.close()
            raise

    async def _connect(self, target: UrlTarget) -> HttpConnection:
        address = await self._checked_address(target)
        tls = self._tls if target.scheme == "https" else None
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                HttpConnection,
                address,
                target.port,
                ssl=tls,
                server_hostname=target.host if tls else None,
            )
        except ssl.SSLError as fault:
            raise SendFault(f"TLS failed ({fault.reason or 'no reason given'})") from None
        except OSError as fault:
            raise SendFault(
                f"no connection ({(fault.strerror or type(fault).__name__).lower()})"
            ) from None
        if not self._guard.allows_address(connection.peer):
            connection.close()
            raise AddressRefused("the address is not allowed")
        return connection

    async def _checked_address(self, target: UrlTarget) -> str:
        """Returns the address to connect to, after all of the host's addresses were checked."""
        if not self._guard.allows_port(target.port):
            raise AddressRefused("the port is not allowed")
        try:
            addresses = await self._resolve(target.host, target.port)
        except (OSError, UnicodeError):
            raise SendFault("the host name does not resolve") from None
        if not addresses:
            raise SendFault("the host name does not resolve")
        if not all(map(self._guard.allows_address, addresses)):
            raise AddressRefused("the address is not allowed")
        own = await self._own_hosts(target, addresses)
        if self._guard.is_own_service(target.host, addresses, own):
            raise AddressRefused("the address is one of Waybill's own")
        return addresses[0]

    async def _own_hosts(self, target: UrlTarget, addresses: list[str]) -> set[str]:
        """Returns Waybill's own hosts at a port, with their addresses if those matter."""
        names = self._guard.service_hosts(target.port)
        found = set(names)
        if names and not all(map(PUBLIC.allows_address, addresses)):
            for name in names:
                with suppress(OSError, UnicodeError):
                    found.update(await self._resolve(name, target.port))
        return found

    def _idle_connection(self, target: UrlTarget) -> HttpConnection | None:
        idle = self._idle.get((target.scheme, target.host, target.port))
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS_MAX
        while idle:
            connection = idle.pop()
            if not connection.is_closed and connection.idle_since >= oldest:
                return connection
            connection.close()
        return None

    def _kept(
        self, target: UrlTarget, connection: HttpConnection, answer: HttpAnswer
    ) -> HttpAnswer:
        if not connection.is_closed:
            idle = self._idle.setdefault((target.scheme, target.host, target.port), deque())
            connection.idle_since = asyncio.get_running_loop().time()
            idle.append(connection)
            if len(idle) > IDLE_CONNECTIONS_MAX:
                idle.popleft().close()
        return answer


def target_of(url: str) -> UrlTarget:
    """Splits a URL that is complete. Raises AddressRefused for one that leads nowhere."""
    if len(url) > FILLED_CHARACTERS_MAX:
        raise AddressRefused(f"the URL has more than {FILLED_CHARACTERS_MAX} characters")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise AddressRefused("the URL is malformed")
    path = parts["rest"].partition("#")[0]
    return UrlTarget(*_origin(parts["origin"]), path if path.startswith("/") else f"/{path}")


@lru_cache(maxsize=1_024)  # origins, each of which is checked once
def _origin(text: str) -> tuple[str, str, int]:
    """Returns scheme, host and port. Raises AddressRefused."""
    try:
        parts = urlsplit(text)
        port = _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
    except ValueError:
        raise AddressRefused("the URL is malformed") from None
    host = (parts.hostname or "").rstrip(".")
    is_plain = not set("@[]").intersection(parts.netloc) and not parts.netloc.endswith(":")
    if parts.scheme not in _PORTS or not is_plain or host_fault(host):
        raise AddressRefused("the URL is malformed or names an IP address")
    return parts.scheme, host, port


def _payload(request: HttpRequest, target: UrlTarget) -> bytes:
    """Writes the request; a line break cannot be in it, since URLs and headers have none."""
    lines = [f"{request.method} {target.path} HTTP/1.1", f"Host: {target.authority}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.body or request.method == "POST":
        lines.append(f"Content-Length: {len(request.body)}")
    if any("\r" in line or "\n" in line for line in lines):
        raise AddressRefused("the URL is malformed")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body
