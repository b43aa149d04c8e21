"""Serves one HTTP connection: uvicorn's protocol, with a deadline and a limit on everything.

A request is passed to the application once it is complete. Falcon takes a body that breaks off for
a complete one, so half an amount could be stored as an event; and a slow sender costs no task.
A refusal has the shape of every other error, and the client gets time to read it.
"""

import asyncio
import math
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ingest.http import refusals, request_head
from ingest.http.buffered_transport import BufferedTransport
from ingest.http.open_connections import OpenConnections
from ingest.http.request_head import announced_bytes, check_fields, check_sizes, without_upgrade
from ingest.http.whole_answers import WholeAnswer
from shared.errors import IncompleteBody, RequestTooLarge, WaybillError

NEVER = math.inf
# What is still due from the client: nothing, the rest of a head, the rest of a body.
_NOTHING, _HEAD, _BODY = range(3)


class Connection(HttpToolsProtocol):
    """A connection. Names with `due` are loop times, `NEVER` while nothing is awaited."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        open_connections: OpenConnections,
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.open_connections = open_connections
        self.limits = open_connections.limits
        self.url = b""
        self.headers = []
        self.owed = _NOTHING
        self.due = self.idle_due = self.write_due = self.leave_due = NEVER
        # Bytes of the unfinished head or body; at least, if it began behind another request.
        self.received = self.read_bytes = 0
        self.unfinished: tuple[RequestResponseCycle, ASGI3Application] | None = None
        self.answering: RequestResponseCycle | None = None
        self.is_refused = self.is_half_closed = False
        self.refusal: WaybillError | None = None

    # Called by the transport and the server

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.answer = BufferedTransport(transport)
        self.due = self.loop.time() + self.limits.header_seconds_max
        self.open_connections.admit(self)

    def data_received(self, data: bytes) -> None:
        self.read_bytes = len(data)
        self.received += self.read_bytes
        self.idle_due = NEVER
        if self.is_refused:
            if self.received > self.limits.linger_bytes_max:
                self._abort()
            return
        if self.owed == _NOTHING and not data.isascii():
            data = request_head.with_ascii_target(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self.refuse(refusals.refusal_for(error))
        if self.owed or self.received:
            self._await_rest()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Still answers a client that closes its side after a complete request."""
        self.is_half_closed = True
        if self.owed == _BODY:
            self.refuse(IncompleteBody())
        elif self.owed == _HEAD:
            self.refuse(refusals.MalformedRequest("it ended within its header"))
        if not self._is_answering() or self.scheme == "https":
            return None
        if self.refusal is None:
            self.cycle.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._disconnect_answer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.write_due = self.loop.time() + self.limits.write_seconds_max

    def resume_writing(self) -> None:
        super().resume_writing()
        self.write_due = NEVER

    def shutdown(self) -> None:
        """Announces the end with the next answer, and leaves time for it: the process stops.

        A connection that is closed at once may meet a request that is on its way, which then has
        no answer. A client that reads `Connection: close` sends no other.
        """
        self.leave_due = self.loop.time() + self.limits.leave_seconds_max
        if self.cycle is not None:
            self.cycle.keep_alive = False

    # Called by the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.owed = _HEAD

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        limits = self.limits
        check_fields(self.headers, self.parser.get_http_version, limits)
        if len(self.pipeline) >= limits.pipelined_requests_max:
            raise refusals.TooManyPipelined(limits.pipelined_requests_max)
        if self.received > limits.header_bytes_max or self.read_bytes > limits.header_bytes_max:
            check_sizes(self.url, self.headers, 0, limits)
            # The parser of targets takes no more than 65,535 bytes.
            self.url, _, query = self.url.partition(b"?")
            super().on_headers_complete()
            self.scope["query_string"] = query
        else:
            super().on_headers_complete()
        if self.leave_due != NEVER:
            self.cycle.keep_alive = False
        # Trailer fields go to a list of their own: in the scope they would pass for header fields
        # (RFC 9110, section 6.5.1).
        self.headers = []
        self.owed, self.received, self.due = _BODY, 0, NEVER

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if self.unfinished is not None:
            # No application is reading yet that could ask for more.
            self.flow.resume_reading()

    def on_message_complete(self) -> None:
        if self.owed != _BODY:
            return
        super().on_message_complete()
        self.owed, self.received, self.due = _NOTHING, 0, NEVER
        if self.unfinished is not None:
            complete, self.unfinished = self.unfinished, None
            self._start_asgi_task(*complete)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if cycle.more_body:
            self.unfinished = (cycle, app)
        else:
            cycle.waiting_for_100_continue = False
            cycle.transport, cycle.__class__ = self.answer, WholeAnswer
            self.answering = cycle
            super()._start_asgi_task(cycle, app)

    def _invite_body(self) -> None:
        """Invites the body of a client that sent `Expect: 100-continue`."""
        if self.unfinished is None or not self.unfinished[0].waiting_for_100_continue:
            return
        self.unfinished[0].waiting_for_100_continue = False
        if self.scope["http_version"] == "1.1":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_response_complete(self) -> None:
        """Does what uvicorn does, but leaves the time of an idle connection to the sweep."""
        self.server_state.total_requests += 1
        self.answer.send()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            self._invite_body()
        elif self.refusal is not None:
            self._close_with(self.refusal)
        elif not self.owed:
            self.idle_due = self.loop.time() + self.timeout_keep_alive

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Reads the head again, by a fresh parser, without the offer to leave HTTP/1.1."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            self.refuse(refusals.MalformedRequest("CONNECT is for proxies"))
            return
        self.parser = httptools.HttpRequestParser(self)
        # As in uvicorn: data behind a request with "Connection: close" is no error.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.received = 0
        self.data_received(without_upgrade(method, self.url, version, self.headers) + rest)

    # Limits

    def waiting_bytes(self) -> int:
        return len(self.unfinished[0].body) if self.unfinished is not None else 0

    def _await_rest(self) -> None:
        """Sets the deadline of an incomplete request and checks its sizes so far."""
        if self.is_refused:
            return
        limits, is_body = self.limits, self.owed == _BODY
        if self.due == NEVER:
            seconds_max = limits.body_seconds_max if is_body else limits.header_seconds_max
            self.due = self.loop.time() + seconds_max
        try:
            if is_body:
                size = max(announced_bytes(self.scope["headers"]), self.received)
                bytes_max = limits.body_bytes_max_of(self.scope["path"])
                if size > bytes_max:
                    raise RequestTooLarge(bytes_max)
            elif self.received > limits.header_bytes_max:
                check_sizes(self.url, self.headers, self.received, limits)
            elif not self.received:
                # It began behind another request, in one read: enough to have its sizes checked.
                self.received = min(self.read_bytes, limits.header_bytes_max + 1)
        except WaybillError as error:
            self.refuse(error)
        else:
            self._invite_body()

    def keep_deadlines(self, now: float) -> None:
        """Ends the connection, or refuses its request, if a deadline has passed."""
        if self.write_due <= now:
            self._abort()
        elif self.transport.is_closing():
            # What is still to be written to a client that does not read must not hold it open.
            self.write_due = min(self.write_due, now + self.limits.write_seconds_max)
        elif self.leave_due <= now and not self._is_answering() and not self.is_refused:
            if self.owed:
                self.refuse(refusals.ShuttingDown())
            else:
                self.transport.close()
        elif self.flow.read_paused:
            self.due += self.limits.sweep_seconds
        elif min(self.due, self.idle_due) <= now:
            if self.owed:
                self.refuse(refusals.RequestTimeout())
            elif self._is_answering():
                self.due = NEVER
            else:
                self.transport.close()

    # Refusal

    def refuse(self, error: WaybillError) -> None:
        """Answers with the error, behind the answers to earlier requests, and closes."""
        self.open_connections.count_refusal(error.code)
        if self.owed == _BODY and self.unfinished is None:
            self.pipeline.popleft()
        # The application never learns of a request that is not complete.
        self.unfinished = None
        self.is_refused = True
        self.owed, self.due = _NOTHING, NEVER
        if self._is_answering():
            self.refusal = error
        else:
            self._close_with(error)

    def _is_answering(self) -> bool:
        """Tells whether the application is at work for this connection."""
        return self.answering is not None and not self.answering.response_complete

    def _close_with(self, error: WaybillError) -> None:
        """Writes the refusal, ends the answers, and reads on for a while.

        A connection closed with bytes unread is reset, and the client may never see the answer.
        """
        self.idle_due = NEVER
        self.cycle = None  # type: ignore[assignment]
        if self.transport.is_closing():
            return
        self.transport.write(refusals.encode_refusal(error, self.server_state.default_headers))
        if self.is_half_closed or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self.received = 0
        self.due = self.loop.time() + self.limits.linger_seconds_max

    def _abort(self) -> None:
        self._disconnect_answer()
        self.transport.abort()

    def _disconnect_answer(self) -> None:
        """Tells the request being answered that nobody reads; uvicorn tells only the newest."""
        if self.answering is not None:
            self.answering.disconnected = True
            self.answering.message_event.set()
