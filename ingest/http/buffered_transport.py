"""Sends an answer in one piece.

uvicorn writes head and body apart, and uvloop sends each at once: two system calls, two packets.
Ingest's answers are short and complete, so their parts wait for the last of them.
"""

import asyncio


class BufferedTransport(asyncio.Transport):
    """A buffer before the transport of a connection, which answers one request at a time."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._parts: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._parts.append(data)

    def send(self) -> None:
        """Sends what was written: the answer is complete, or will never be."""
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts = []

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.send()
        self._transport.close()
