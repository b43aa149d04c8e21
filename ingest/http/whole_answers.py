"""Writes an answer in one step.

uvicorn writes head and body apart, and looks for forbidden characters in each name and each value.
Ingest's answers are short, complete, and have a dozen header fields between them: these are written
as uvicorn would, and everything else is left to it. A redirect takes a third of the time.
"""

from itertools import chain

from uvicorn._types import ASGISendEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_LENGTH = b"content-length: "
# By the names of header fields that change nothing in how an answer is written.
_STARTS = {
    b"content-length": _LENGTH,
    **{
        name: name + b": "
        for name in (
            *(b"content-type", b"date", b"waybill-receipt", b"retry-after", b"location"),
            *(b"cache-control", b"referrer-policy", b"x-robots-tag", b"x-content-type-options"),
            *(b"access-control-allow-origin", b"vary", b"allow"),
        )
    },
}
_BODILESS = frozenset((204, 304))


class WholeAnswer(RequestResponseCycle):
    """A request and its answer, whose head waits for the body."""

    head: HTTPResponseStartEvent | None = None

    async def send(self, message: ASGISendEvent) -> None:
        """Takes a part of the answer from the application."""
        head = self.head
        if head is None:
            if message["type"] == "http.response.start" and not self.response_started:
                self.head, self.response_started = message, True
                return
        else:
            self.head = None
            if self._write(head, message):
                return
            self.response_started = False
            await super().send(head)
        await super().send(message)

    def _write(self, head: HTTPResponseStartEvent, message: ASGISendEvent) -> bool:
        """Writes an answer; False for one that is not usual."""
        if message["type"] != "http.response.body" or message.get("more_body"):
            return False
        status, body = head["status"], message.get("body", b"")
        if (
            self.scope["method"] == "HEAD"
            or self.access_log
            or status in _BODILESS
            or self.flow.write_paused
            or self.disconnected
        ):
            return False
        parts, values, length = [STATUS_LINE[status]], [], b""
        for name, value in chain(self.default_headers, head.get("headers", ())):
            start = _STARTS.get(name)
            if start is None:
                return False
            if start is _LENGTH:
                length = value
            parts += (start, value, b"\r\n")
            values.append(value)
        # What is printable has no line end, and is a value as it is.
        if length != b"%d" % len(body) or not b"".join(values).decode("latin-1").isprintable():
            return False
        parts += (b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n", body)
        self.waiting_for_100_continue = self.chunked_encoding = False
        self.transport.write(b"".join(parts))
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True
