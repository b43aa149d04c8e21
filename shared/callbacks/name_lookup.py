"""Looks up host names on threads of their own, so that a name server that hangs delays no other.

The event loop's own look-up has two threads for all names (libuv), and none can be cancelled: one
name whose server does not answer would keep every other callback from connecting. Here each name is
looked up once at a time, whoever asks, so it holds one thread however many callbacks wait for it.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

LOOKUPS_AT_ONCE_MAX = 64  # names whose servers may hang at the same time, a thread each

LookUp = Callable[[str], list[str]]


def system_addresses(host: str) -> list[str]:
    """Returns all addresses of a host name. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class NameLookup:
    """The look-ups of one event loop. Its threads do not keep a process from ending."""

    def __init__(self, look_up: LookUp = system_addresses) -> None:
        self._look_up = look_up
        self._running: dict[str, asyncio.Task[list[str]]] = {}
        self._free = asyncio.Semaphore(LOOKUPS_AT_ONCE_MAX)

    async def resolve(self, host: str, _port: int) -> list[str]:
        """Returns all addresses of a host name. Raises OSError, UnicodeError."""
        running = self._running.get(host)
        if running is None:
            running = asyncio.get_running_loop().create_task(self._run(host))
            self._running[host] = running
            running.add_done_callback(lambda ended: self._end(host, ended))
        return await asyncio.shield(running)  # who gives up does not end it for the others

    def _end(self, host: str, ended: asyncio.Task[list[str]]) -> None:
        del self._running[host]
        if not ended.cancelled():
            ended.exception()  # seen, though nobody may wait any more

    async def _run(self, host: str) -> list[str]:
        async with self._free:
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[list[str]] = loop.create_future()

            def settle(addresses: list[str] | None, fault: Exception | None) -> None:
                if answer.cancelled():
                    return
                if fault is not None:
                    answer.set_exception(fault)
                else:
                    answer.set_result(addresses or [])

            def work() -> None:
                addresses, fault = None, None
                try:
                    addresses = self._look_up(host)
                except Exception as raised:  # noqa: BLE001 - unanswered, it would hold its place
                    fault = raised
                with suppress(RuntimeError):  # the loop was closed meanwhile
                    loop.call_soon_threadsafe(settle, addresses, fault)

            threading.Thread(target=work, name="look-up", daemon=True).start()
            return await answer
