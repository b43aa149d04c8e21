"""The senders: a constant rate until SIGTERM, a burst of the noisy app at each SIGUSR1."""

import argparse
import asyncio
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.chaos.machine.journal import Journal
from tests.chaos.machine.requests import Item, item_of, noisy_item
from tests.system.traffic import closed, get, read_answer

CONNECTIONS = 24
NOISY_CONNECTIONS = 16
BURST_EVENTS = 1_500
ANSWER_SECONDS_MAX = 4.0
PAUSE_SECONDS = 0.3
TRY_SECONDS_MAX = 40.0
WAITING_MAX = 2_000  # of one connection each; what is due beyond that is not sent
LAST_SECONDS_MAX = 15.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Sender:
    """One connection: a request, its answer, the next."""

    def __init__(self, port: int, tokens: dict[str, str], journal: Journal) -> None:
        self._port = port
        self._tokens = tokens
        self._journal = journal
        self._streams: Streams | None = None

    async def run(self, items: asyncio.Queue[Item]) -> None:
        while True:
            item = await items.get()
            await self._deliver(item)
            items.task_done()

    async def _deliver(self, item: Item) -> None:
        begun, attempt = time.monotonic(), 1
        is_taken = await self._try(item, attempt)
        while not is_taken and item.tries_on and time.monotonic() < begun + TRY_SECONDS_MAX:
            await asyncio.sleep(PAUSE_SECONDS)
            attempt += 1
            is_taken = await self._try(item, attempt)
        if is_taken and item.repeats:
            await self._try(item, attempt + 1)

    async def _try(self, item: Item, attempt: int) -> bool:
        self._journal.sent(item, attempt, time.time())
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                self._streams[1].write(self._request(item))
                answer = await read_answer(self._streams[0])
        except (OSError, EOFError, TimeoutError) as fault:
            self._journal.unanswered(item, attempt, time.time(), type(fault).__name__)
            await self._hang_up()
            return False
        receipt = answer.headers.get("waybill-receipt")
        self._journal.told(item, attempt, time.time(), answer.status, receipt)
        if answer.headers.get("connection") == "close":
            await self._hang_up()
        return answer.status in {200, 302} and receipt is not None

    async def _hang_up(self) -> None:
        streams, self._streams = self._streams, None
        await closed(streams)

    def _request(self, item: Item) -> bytes:
        # A person who clicks a link has no token.
        is_open = item.kind == "redirect"
        return get(item.target, "" if is_open else f"Authorization: {self._tokens[item.app]}\r\n")


class Load:
    def __init__(self, chosen: argparse.Namespace) -> None:
        self._chosen = chosen
        tokens = {"quiet": chosen.quiet, "noisy": chosen.noisy}
        self._journal = Journal(chosen.journal)
        self._senders = [
            Sender(chosen.port, tokens, self._journal)
            for _ in range(CONNECTIONS + NOISY_CONNECTIONS)
        ]
        self._items: asyncio.Queue[Item] = asyncio.Queue()
        self._noisy: asyncio.Queue[Item] = asyncio.Queue()
        self._noisy_number = 0

    async def run(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGUSR1, self._burst)
        queues = [self._items] * CONNECTIONS + [self._noisy] * NOISY_CONNECTIONS
        tasks = [
            asyncio.create_task(sender.run(queue))
            for sender, queue in zip(self._senders, queues, strict=True)
        ]
        await self._produce(stop)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS_MAX):
                await self._items.join()
                await self._noisy.join()
        for task in tasks:
            task.cancel()

    async def _produce(self, stop: asyncio.Event) -> None:
        """An item each 1/rate seconds, whatever becomes of those before."""
        chosen, number, begun = self._chosen, 0, time.monotonic()
        while not stop.is_set():
            if self._items.qsize() < WAITING_MAX:
                self._items.put_nowait(item_of(chosen.seed, chosen.run, number, chosen.base_ms))
            number += 1
            due = begun + number / chosen.rate
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0, due - time.monotonic()))

    def _burst(self) -> None:
        chosen = self._chosen
        for _ in range(BURST_EVENTS):
            number = self._noisy_number
            self._noisy.put_nowait(noisy_item(chosen.seed, chosen.run, number, chosen.base_ms))
            self._noisy_number += 1


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("port", "seed", "run", "rate", "base-ms"):
        arguments.add_argument(f"--{name}", type=int, required=True)
    for name in ("quiet", "noisy"):
        arguments.add_argument(f"--{name}", required=True, help="the token of this app")
    arguments.add_argument("--journal", type=Path, required=True)
    asyncio.run(Load(arguments.parse_args()).run())


if __name__ == "__main__":
    main()
