"""Keeps an HTTP/1.1 connection: sends a request, reads an answer up to a limit."""

import asyncio
from dataclasses import dataclass
from typing import cast

import httptools

ANSWER_BYTES_MAX = 65_536
HEAD_BYTES_MAX = 65_536


class SendFault(Exception):
    """A request that got no complete answer. `may_have_arrived`: it was sent."""

    def __init__(self, reason: str, *, may_have_arrived: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_have_arrived = may_have_arrived


class AddressRefused(SendFault):
    """A URL that leads to an address which no callback may be sent to."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that is complete: `headers` are lines of ASCII without line breaks."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer, of whose body at most the first ANSWER_BYTES_MAX were read."""

    status: int
    retry_after: str | None
    body: bytes


class HttpConnection(asyncio.Protocol):
    """A connection, with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[HttpAnswer] | None = None
        self.is_closed = False
        self.idle_since = 0.0
        self._reset()

    @property
    def peer(self) -> str:
        assert self._transport is not None
        return str(self._transport.get_extra_info("peername")[0])

    @property
    def has_begun(self) -> bool:
        """Tells whether any byte of the answer to the last request came."""
        return self._head_bytes > 0

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._retry_after: str | None = None
        self._head_bytes = 0
        self._has_head = False
        self._has_length = False

    async def send(self, payload: bytes) -> HttpAnswer:
        """Sends one request and reads its answer. Raises SendFault."""
        assert self._transport is not None
        self._reset()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(payload)
        try:
            return await self._answer
        finally:
            self._answer = None

    def close(self) -> None:
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's derives from nothing

    def data_received(self, data: bytes) -> None:
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("the answer is not HTTP")
        if not self._has_head and self._head_bytes > HEAD_BYTES_MAX:
            self._fail("the header of the answer is too large")

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_closed = True
        if self._has_head and not self._has_length:
            self._settle()  # its end is the end of the answer
        self._fail("the connection was closed before the answer was complete")

    # What the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower == b"retry-after":
            self._retry_after = value.lstrip(b"0 ")[:64].decode("latin-1") or "0"
        elif lower in {b"content-length", b"transfer-encoding"}:
            self._has_length = True

    def on_message_begin(self) -> None:
        self._has_length = False

    def on_headers_complete(self) -> None:
        self._has_head = self._parser.get_status_code() >= 200

    def on_body(self, data: bytes) -> None:
        self._body += data[: ANSWER_BYTES_MAX - len(self._body)]
        if len(self._body) >= ANSWER_BYTES_MAX:
            self._settle()
            self.close()  # the rest is not wanted

    def on_message_complete(self) -> None:
        if self._has_head:
            if not self._parser.should_keep_alive():
                self.close()
            self._settle()

    def _settle(self) -> None:
        if self._answer is not None and not self._answer.done():
            status = self._parser.get_status_code()
            self._answer.set_result(HttpAnswer(status, self._retry_after, bytes(self._body)))

    def _fail(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(SendFault(reason, may_have_arrived=True))
        self.close()
