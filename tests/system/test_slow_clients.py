"""Tests that senders that drip, stall or never read do not affect others. `pytest -s` shows
counts."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

from tests.system.conftest import Running
from tests.system.product import Waybill
from tests.system.traffic import Log, closed, get, send_beside

SLOW_SOCKETS = 500
HONEST_REQUESTS = 10_000
HONEST_CONNECTIONS = 32

Slow = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _send_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _drip_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /postback HTTP/1.1\r\nHost: waybill\r\n")
    while not reader.at_eof():
        writer.write(b"X-Drip: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.5)


async def _drip_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"POST /postback HTTP/1.1\r\nHost: waybill\r\nContent-Length: 60000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    while not reader.at_eof():
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.5)


async def _read_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(get("/postback") * 50)
        await writer.drain()
        await asyncio.sleep(0.1)


async def _slowly(port: int, behave: Slow) -> None:
    while True:
        try:
            streams = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        except OSError:
            await asyncio.sleep(0.2)
            continue
        try:
            await behave(*streams)
        except OSError:
            pass  # the server closed the connection: connect again
        finally:
            streams[1].transport.abort()
            await closed(streams)


async def _beside_slow_ones(port: int, slow_sockets: int, request: bytes, honest: int) -> Log:
    """Sends honest requests while slow sockets of all kinds stay connected."""
    kinds = cycle((_send_nothing, _drip_headers, _drip_body, _read_nothing))
    slow = [
        asyncio.create_task(_slowly(port, behave))
        for behave, _ in zip(kinds, range(slow_sockets), strict=False)
    ]
    await asyncio.sleep(1)
    log = await send_beside(port, (request for _ in range(honest)), HONEST_CONNECTIONS)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    return log


def test_five_hundred_slow_sockets_do_not_disturb_honest_senders(crowded: Running) -> None:
    target = f"/postback?s2s_token={crowded.token}&user_id=honest&event_id=purchase"
    log = asyncio.run(_beside_slow_ones(crowded.port, SLOW_SOCKETS, get(target), HONEST_REQUESTS))

    succeeded, broken = log.statuses().get(200, 0), log.broken
    slowest = max(answer.took for answer in log.answers)
    print(
        f"\n{SLOW_SOCKETS} slow sockets: {succeeded} of {HONEST_REQUESTS} honest requests "
        f"succeeded, {broken} broken, slowest {slowest * 1000:.0f} ms"
    )
    assert succeeded >= HONEST_REQUESTS * 0.999


def test_a_hundred_slow_sockets_close_neither_the_console_nor_the_metrics(tmp_path: Path) -> None:
    waybill = Waybill(tmp_path / "data", workers=1, console=True, metrics=True, patient=False)
    try:
        waybill.wait_until_ready()
        console_port = urlsplit(waybill.console_url).port
        assert console_port is not None
        for port, path in ((console_port, "/sign-in"), (waybill.metrics_port, "/health/live")):
            log = asyncio.run(_beside_slow_ones(port, 100, get(path), 200))

            slowest = max(answer.took for answer in log.answers)
            print(f"\n{path}: {log.statuses()}, {log.broken} broken, slowest {slowest:.2f} s")
            assert (log.statuses(), log.broken) == ({200: 200}, 0)
            assert slowest < 5
    finally:
        assert waybill.stop() == 0
