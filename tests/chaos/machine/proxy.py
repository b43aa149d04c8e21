"""A link to a store that can be slow, cut, reset, or lose the answers to what arrived."""

import asyncio
import socket
import struct
import threading
from contextlib import suppress

from tests.system.servers import free_port

_CHUNK_BYTES = 65_536
_LOOK_SECONDS = 0.02
_START_SECONDS_MAX = 10.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """`delay_seconds` is added to each chunk in both directions; while it is `cut`, chunks wait,
    as on a network that drops packets; while it `loses_answers`, the store hears and nobody hears
    the store.
    """

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self.delay_seconds = 0.0
        self.cut = False
        self.loses_answers = False
        self._target_port = target_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._is_up.wait(_START_SECONDS_MAX), "the proxy did not start"

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_START_SECONDS_MAX)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_SECONDS_MAX)
        self._loop.close()

    def reset(self) -> None:
        """Every connection ends with RST, whatever is on its way."""
        asyncio.run_coroutine_threadsafe(self._reset(), self._loop).result(_START_SECONDS_MAX)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self._server = self._loop.run_until_complete(server)
        self._is_up.set()
        self._loop.run_forever()

    async def _end(self) -> None:
        self._server.close()
        await self._reset()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(_LOOK_SECONDS)  # transports close in the next turns of the loop

    async def _reset(self) -> None:
        for writer in list(self._writers):
            connection = writer.get_extra_info("socket")
            with suppress(OSError):  # closed already
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            store = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, store[1]}
        pumps = [
            asyncio.create_task(self._pump(reader, store[1], is_answer=False)),
            asyncio.create_task(self._pump(store[0], writer, is_answer=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in (writer, store[1]):
                self._writers.discard(end)
                end.close()
            for pump in pumps:
                pump.cancel()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                while self.cut:  # noqa: ASYNC110 - another thread heals it
                    await asyncio.sleep(_LOOK_SECONDS)
                if is_answer and self.loses_answers:
                    continue
                writer.write(data)
                await writer.drain()
