"""Runs uvicorn in a thread, with our connections, short limits and an application that reports.

What it serves is on loopback; the clients are plain sockets, so that a test can send anything.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any, Self

import uvloop
from uvicorn import Config, Server

from ingest.http.connection_sweep import ConnectionSweeper
from ingest.http.limits import ConnectionLimits

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
SLOW = GET.replace(b"/", b"/slow", 1)

SHORT = ConnectionLimits(
    header_seconds_max=0.4,
    body_seconds_max=0.4,
    write_seconds_max=0.4,
    linger_seconds_max=1.0,
    sweep_seconds=0.05,
)
# Beyond the limit, what a loaded machine may take to notice.
LATE_SECONDS = 2.0
# The event loop's clock counts whole milliseconds and stands still within a turn of the loop, so
# that a deadline begins a little before what it belongs to.
EARLY_SECONDS = 0.01

# Ends a test that hangs. No test waits for it, so a busy machine may take its time.
SECONDS_MAX = 120.0
LARGE_BYTES = 16 * 1024 * 1024


@dataclass
class Application:
    """Answers with what it was asked; `/slow` waits for `go_on`, `/large` answers 16 MiB."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            assert message["type"] == "http.request", (
                "an unfinished request reached the application"
            )
            body, more = body + message["body"], message["more_body"]
        asked = {
            "method": scope["method"],
            "path": scope["path"],
            "query_bytes": len(scope["query_string"]),
            "headers": [name.decode() for name, _ in scope["headers"]],
            "body": body.decode() if len(body) < 1000 else str(len(body)),
        }
        self.asked.append(asked)
        if scope["path"] == "/slow":
            await asyncio.to_thread(self.go_on.wait, SECONDS_MAX)
        large = scope["path"] == "/large"
        content = b" " * LARGE_BYTES if large else json.dumps(asked).encode()
        headers = [(b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> Any:
        return self.json["error"]["code"]


class Client:
    """A socket and the bytes that were read from it."""

    def __init__(self, port: int) -> None:
        self.opened = monotonic()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drip(self, pieces: Iterator[bytes], seconds: float) -> None:
        """Sends one piece at a time, with pauses, until the server answers or closes."""
        self.socket.settimeout(seconds)
        for piece in pieces:
            try:
                self.socket.sendall(piece)
                if self._read() == b"":
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
            break
        self.socket.settimeout(SECONDS_MAX)

    def answer(self, *, to_head: bool = False) -> Answer:
        while b"\r\n\r\n" not in self._buffer:
            assert self._read(), f"closed, with {self._buffer!r} unanswered"
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        length = 0 if to_head else int(headers.get("content-length", 0))
        while len(self._buffer) < length:
            assert self._read(), "closed within an answer"
        content, self._buffer = self._buffer[:length], self._buffer[length:]
        return Answer(int(lines[0].split()[1]), headers, content)

    def answers(self) -> list[Answer]:
        """Returns all answers up to the end of the connection."""
        answers = []
        while self._buffer or self._read():
            answers.append(self.answer())
        return answers

    def is_closed(self) -> bool:
        """Waits for the end of the connection, which must bring nothing more."""
        try:
            return self._buffer == b"" and self._read() == b""
        except ConnectionResetError:
            return True

    def _read(self) -> bytes:
        data = self.socket.recv(65536)
        self._buffer += data
        return data


class Serving:
    def __init__(self, server: Server, application: Application, port: int) -> None:
        self.server = server
        self.application = application
        self.port = port

    def connect(self) -> Client:
        return Client(self.port)

    def exchange(self, data: bytes) -> list[Answer]:
        with self.connect() as client:
            client.send(data)
            return client.answers()

    def await_connections(self, count: int) -> None:
        wait_until(lambda: len(self.server.server_state.connections) == count)


def wait_until(condition: Any) -> None:
    end = monotonic() + SECONDS_MAX
    while not condition():
        assert monotonic() < end, "it did not come to pass"
        sleep(0.01)


@contextmanager
def serving(limits: ConnectionLimits, idle_seconds: int = 5) -> Iterator[Serving]:
    application = Application()
    listener = socket.create_server(("127.0.0.1", 0))
    config = Config(
        application,
        http=ConnectionSweeper(limits),  # type: ignore[arg-type]  # called as a class would be
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_keep_alive=idle_seconds,
    )
    server = Server(config)
    thread = threading.Thread(target=_run, args=(server, listener))
    thread.start()
    wait_until(lambda: server.started)
    yield Serving(server, application, listener.getsockname()[1])
    application.go_on.set()
    server.should_exit = True
    thread.join(SECONDS_MAX)
    assert not thread.is_alive(), "the server does not stop"


def _run(server: Server, listener: socket.socket) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=[listener]))
