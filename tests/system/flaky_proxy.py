"""A proxy before ingest that loses and cuts answers as it is told. Imports nothing of it."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# What happens to a batch: `drop` closes before it arrives, `lose` after it was stored and before
# the answer, `cut` within the answer; `busy` is a 503; `partial` stores every second event and asks
# for the others again.
FAULTS = ("lose", "busy", "partial", "drop", "cut", "pass", "partial", "lose")


@dataclass
class FlakyProxy:
    """A proxy on `port`. Its first batches have the faults, in this order; the others pass."""

    upstream: int
    faults: list[str]
    port: int = 0
    met: list[str] = field(default_factory=list)

    def next_fault(self) -> str:
        fault = self.faults.pop(0) if self.faults else "pass"
        self.met.append(fault)
        return fault

    def forward(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        try:
            connection.request("POST", "/batch", body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def forward_half(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Sends every second event on, and answers the others with `retry`."""
        events = json.loads(gzip.decompress(body))
        status, answer = self.forward(gzip.compress(json.dumps(events[::2]).encode()), headers)
        document: dict[str, Any] = json.loads(answer)
        for result in document["results"]:
            result["index"] *= 2
        document["results"] += [
            {"index": index, "status": "retry", "code": "overloaded", "message": "Later."}
            for index in range(1, len(events), 2)
        ]
        document["results"].sort(key=lambda result: result["index"])
        return status, json.dumps(document).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FlakyProxy

    def do_POST(self) -> None:
        fault = self.proxy.next_fault()
        if fault == "drop":
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        names = ("Authorization", "Content-Type", "Content-Encoding")
        headers = {name: self.headers[name] for name in names if self.headers[name]}
        if fault == "busy":
            self._answer(503, b'{"error":{"code":"overloaded"}}', {"Retry-After": "1"})
            return
        forward = self.proxy.forward_half if fault == "partial" else self.proxy.forward
        status, answer = forward(body, headers)
        if fault == "lose":
            self.close_connection = True
        elif fault == "cut":
            self._answer(status, answer, {}, len(answer) // 2)
            self.close_connection = True
        else:
            self._answer(status, answer, {"Retry-After": "1"} if fault == "partial" else {})

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str], sent_bytes: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:sent_bytes])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        """Writes no log."""


@contextmanager
def flaky(upstream: int, faults: tuple[str, ...] = FAULTS) -> Iterator[FlakyProxy]:
    proxy = FlakyProxy(upstream, list(faults))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
