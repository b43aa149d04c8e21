"""Sends over many keep-alive connections and logs every answer. Imports nothing of the product."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

ANSWER_SECONDS_MAX = 15


@dataclass(frozen=True)
class Answer:
    """An answer; `at` is the monotonic time of its arrival, `took` seconds after its request."""

    status: int
    headers: dict[str, str]
    body: bytes
    at: float = 0.0
    took: float = 0.0


@dataclass
class Log:
    """The answers to all senders. `broken` counts connections that ended without an answer."""

    answers: list[Answer] = field(default_factory=list)
    broken: int = 0

    def statuses(self) -> dict[int, int]:
        return dict(Counter(answer.status for answer in self.answers))

    def receipts(self) -> list[str]:
        return [
            answer.headers["waybill-receipt"] for answer in self.answers if answer.status == 200
        ]


def get(target: str, headers: str = "") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: waybill\r\n{headers}\r\n".encode()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(head[0].split()[1]), headers, body)


async def _send_all(port: int, requests: Iterator[bytes], log: Log) -> None:
    """Sends one request after another over one connection, reopened when the server closes it."""
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for request in requests:
        begun = time.monotonic()
        try:
            if streams is None:
                streams = await asyncio.open_connection("127.0.0.1", port)
            streams[1].write(request)
            answer = await asyncio.wait_for(read_answer(streams[0]), ANSWER_SECONDS_MAX)
        except (OSError, EOFError, TimeoutError):
            log.broken += 1
            await closed(streams)
            streams = None
            continue
        at = time.monotonic()
        log.answers.append(Answer(answer.status, answer.headers, answer.body, at, at - begun))
        if answer.headers.get("connection") == "close":
            await closed(streams)
            streams = None
    await closed(streams)


async def closed(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> None:
    if streams is not None:
        streams[1].close()
        with suppress(OSError):  # the other end was first
            await streams[1].wait_closed()


def send(port: int, requests: Iterable[bytes], connections: int = 64) -> Log:
    """Sends all requests over that many connections at once."""
    return asyncio.run(send_beside(port, requests, connections))


async def send_beside(port: int, requests: Iterable[bytes], connections: int = 64) -> Log:
    log, shared = Log(), iter(requests)
    await asyncio.gather(*(_send_all(port, shared, log) for _ in range(connections)))
    return log


def requests_until(request: Callable[[int], bytes], stop: Callable[[], bool]) -> Iterator[bytes]:
    """Yields requests until `stop` returns true."""
    number = 0
    while not stop():
        yield request(number)
        number += 1
