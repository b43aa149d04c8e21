"""The law of whole answers: their bytes and their end are those of uvicorn."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ingest.http.whole_answers import WholeAnswer
from tests.unit.loop import in_loop

DATE = [(b"date", b"Fri, 02 Jan 2026 03:04:05 GMT")]
SCOPE = {"client": None, "path": "/", "query_string": b"", "http_version": "1.1"}
TYPE = (b"content-type", b"application/json")


@dataclass
class Wire:
    """A transport that keeps what was written, and when it was closed."""

    told: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def close(self) -> None:
        self.told.append(b"<closed>")


@dataclass
class Lines:
    """An access log."""

    told: list[str] = field(default_factory=list)

    def info(self, text: str, *values: object) -> None:
        self.told.append(text % values)


@dataclass
class Answered:
    """What a client was sent, and what the connection was told."""

    wire: bytes
    completed: int
    keep_alive: bool
    is_complete: bool
    error: str
    log: tuple[str, ...] = ()


async def answered(
    kind: type[RequestResponseCycle],
    messages: list[dict[str, Any]],
    method: str = "GET",
    keep_alive: bool = True,
    disconnected: bool = False,
    access_log: bool = False,
) -> Answered:
    """Has an application send these messages; a failing one raises after the last."""
    wire, completions, lines = Wire(), [0], Lines()

    def complete() -> None:
        completions[0] += 1

    cycle = kind(
        cast("Any", {"type": "http", "method": method, **SCOPE}),
        cast("asyncio.Transport", wire),
        FlowControl(cast("asyncio.Transport", wire)),
        logging.getLogger("nowhere"),
        cast("logging.Logger", lines),
        access_log,
        DATE,
        asyncio.Event(),
        False,
        keep_alive,
        complete,
    )
    cycle.disconnected = disconnected
    error = ""

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        nonlocal error
        try:
            for message in messages:
                await send(message)
        except RuntimeError as raised:
            error = str(raised)
            raise

    await cycle.run_asgi(cast("Any", application))
    return Answered(
        b"".join(wire.told),
        completions[0],
        cycle.keep_alive,
        cycle.response_complete,
        error,
        tuple(lines.told),
    )


def start(status: int, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content: bytes = b"", **more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, **more}


def whole(content: bytes, *headers: tuple[bytes, bytes], status: int = 200) -> list[dict[str, Any]]:
    length = (b"content-length", b"%d" % len(content))
    return [start(status, *headers, length, TYPE), body(content)]


REDIRECT = [
    *((b"location", b"https://shop.example/?a=b%20c"), (b"waybill-receipt", b"019b")),
    *((b"cache-control", b"no-store"), (b"x-robots-tag", b"noindex")),
]
ANSWERS = {
    "an answer": whole(b'{"status":"ok"}'),
    "a redirect": whole(b"", *REDIRECT, status=302),
    "a refusal": whole(b"{}", (b"retry-after", b"2"), status=503),
    "a header of another": whole(b"{}", (b"x-own", b"1")),
    "Latin-1": whole(b"{}", (b"location", "é".encode("latin-1"))),
    "a tab": whole(b"{}", (b"location", b"a\tb")),
    "a line end": whole(b"{}", (b"location", b"a\r\nSet-Cookie: b")),
    "a NUL": whole(b"{}", (b"location", b"a\0b")),
    "capitals": whole(b"{}", (b"Location", b"a")),
    "to be closed": whole(b"{}", (b"connection", b"close")),
    "no body": [start(204), body()],
    "not modified": whole(b"", status=304),
    "no length": [start(200, TYPE), body(b"abc")],
    "chunked": [start(200, (b"transfer-encoding", b"chunked")), body(b"abc")],
    "in parts": [start(200, (b"content-length", b"6")), body(b"abc", more_body=True), body(b"def")],
    "too long": [start(200, (b"content-length", b"2")), body(b"abc")],
    "too short": [start(200, (b"content-length", b"4")), body(b"abc")],
    "an odd length": [start(200, (b"content-length", b"03")), body(b"abc")],
    "no start": [body(b"abc")],
    "two starts": [start(200), start(200)],
    "only a start": [start(200, TYPE)],
    "twice": [*whole(b"{}"), *whole(b"{}")],
    "nothing": [],
}


@pytest.mark.parametrize("messages", ANSWERS.values(), ids=list(ANSWERS))
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("disconnected", [True, False])
@in_loop
async def test_an_answer_has_the_bytes_and_the_end_of_uvicorns(
    messages: list[dict[str, Any]], method: str, keep_alive: bool, disconnected: bool
) -> None:
    expected = await answered(RequestResponseCycle, messages, method, keep_alive, disconnected)
    got = await answered(WholeAnswer, messages, method, keep_alive, disconnected)

    if len(messages) == 1 and messages[0]["type"] == "http.response.start" and not disconnected:
        # The head of an answer that never gets its body is not worth sending.
        assert got == Answered(b"<closed>", 0, keep_alive, False, "")
        return
    assert got == expected


@in_loop
async def test_an_answer_leaves_its_line_in_the_access_log() -> None:
    messages = whole(b"{}")
    got = await answered(WholeAnswer, messages, access_log=True)

    assert len(got.log) == 1
    assert got == await answered(RequestResponseCycle, messages, access_log=True)


names = st.sampled_from([b"location", b"retry-after", b"x-own", b"vary", b"content-type"])


@given(st.lists(st.tuples(names, st.binary(max_size=8)), max_size=4), st.binary(max_size=8))
@in_loop
async def test_no_header_gets_into_an_answer_that_uvicorn_would_refuse(
    headers: list[tuple[bytes, bytes]], content: bytes
) -> None:
    messages = whole(content, *headers)

    assert await answered(WholeAnswer, messages) == await answered(RequestResponseCycle, messages)
