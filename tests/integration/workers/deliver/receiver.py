"""A receiver of callbacks on loopback, which answers as its path asks for."""

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit

NO_DATE = "Fri, 02 Jan 99999999999999 00:00:00 GMT"
MIXED = ("200", "200", "200", "500", "429", "302", "404", "410", "broken", "noise", "slow", "large")


@dataclass
class Receiver:
    """`requests` holds the target and the headers of every request that was read.

    The path `mixed` is answered by chance; `answered` holds each ID with the answer that it got.
    """

    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    random: Random = field(default_factory=lambda: Random(1))
    answered: list[tuple[str, str]] = field(default_factory=list)

    def start(self) -> None:
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def ids(self) -> Counter[str]:
        return Counter(headers["webhook-id"] for _, headers in self.requests)

    def targets(self) -> list[str]:
        return [target for target, _ in self.requests]

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        target = first.split(" ")[1]
        pairs = (line.partition(": ") for line in lines if line)
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.bodies.append(body)
        self.requests.append((target, headers))
        kind = urlsplit(target).path.strip("/")
        if kind == "mixed":
            kind = self.random.choice(MIXED)
            self.answered.append((headers["webhook-id"], kind))
        if kind == "never":
            await asyncio.sleep(30)
        if kind == "drip":
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + b" " * 60:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.1)
            return False
        if kind == "broken":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            await writer.drain()
            return False
        if kind == "noise":
            writer.write(b"\x00\x01\x02 not HTTP at all\r\n\r\n")
            await writer.drain()
            return False
        if kind == "slow":
            await asyncio.sleep(0.3)
        status = int(kind) if kind.isdecimal() else 503 if kind == "absurd" else 200
        size = 200_000 if kind == "large" else 2
        extra = {
            429: "Retry-After: 120\r\n",
            503: f"Retry-After: {NO_DATE}\r\n" if kind == "absurd" else "",
            302: f"Location: http://127.0.0.1:{self.port}/200\r\n",
        }.get(status, "")
        answer = f"HTTP/1.1 {status} X\r\n{extra}Content-Length: {size}\r\n\r\n" + "o" * size
        writer.write(answer.encode())
        await writer.drain()
        return True
