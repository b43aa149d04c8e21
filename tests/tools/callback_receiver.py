"""A receiver of callbacks in a process of its own, which notes when each of them arrived.

It answers 200 at once, but never at the path /never. Only the first arrival of an ID counts.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Self

import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_ID = b"webhook-id: "
_ID_BYTES = 36


class _Requests(asyncio.Protocol):
    """One connection of a sender that waits for each answer."""

    def __init__(self, arrived: dict[str, float]) -> None:
        self._arrived = arrived
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        if not self._head.endswith(b"\r\n\r\n"):
            return
        head, self._head = self._head, b""
        if head.startswith(b"GET /never"):
            return
        place = head.index(_ID) + len(_ID)
        self._arrived.setdefault(head[place : place + _ID_BYTES].decode(), time.time())
        self._transport.write(_ANSWER)  # type: ignore[attr-defined]  # uvloop's derives from nothing


def _serve(pipe: Connection) -> None:
    arrived: dict[str, float] = {}

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Requests(arrived), "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        while (asked := await asyncio.to_thread(pipe.recv)) != "end":
            pipe.send(len(arrived) if asked == "count" else dict(arrived))
            if asked == "take":
                arrived.clear()

    uvloop.run(run())


@dataclass
class CallbackReceiver:
    """The receiver's process, as its user sees it."""

    port: int = 0
    _pipe: Connection = field(init=False, repr=False)

    def __enter__(self) -> Self:
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        self.port = int(self._pipe.recv())
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._pipe.send("end")
        self._process.join(5)

    def count(self) -> int:
        """Returns how many different callbacks have arrived."""
        self._pipe.send("count")
        return int(self._pipe.recv())

    def take(self) -> dict[str, float]:
        """Returns when each callback arrived (Unix seconds), and forgets them."""
        self._pipe.send("take")
        arrived: dict[str, float] = self._pipe.recv()
        return arrived
