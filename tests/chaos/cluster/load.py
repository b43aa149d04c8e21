"""Sends events at a constant rate to two ingest hosts, until SIGTERM; each is sent until a 200.

Runs on a host of its own and writes the answers to each event as JSON lines. An event keeps its
idempotency key when it is sent again, to the other host, as docs/dialects.md advises.
"""

import argparse
import asyncio
import json
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.system.traffic import Answer, closed, get, read_answer

CONNECTIONS = 16
ANSWER_SECONDS_MAX = 2.0
AVOIDED_SECONDS = 2.0
PAUSE_SECONDS = 0.5
LAST_SECONDS_MAX = 60.0
USERS = 500

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Balancer:
    """A balancer over both hosts; one that failed is avoided for two seconds, as proxies do."""

    def __init__(self, targets: list[str]) -> None:
        self._targets = targets
        self._failed_at = dict.fromkeys(targets, 0.0)
        self._turn = 0

    def next(self) -> str:
        self._turn += 1
        first, second = self._targets[self._turn % 2], self._targets[(self._turn + 1) % 2]
        is_avoided = time.monotonic() < self._failed_at[first] + AVOIDED_SECONDS
        return second if is_avoided else first

    def failed(self, target: str) -> None:
        self._failed_at[target] = time.monotonic()


class Sender:
    """A sender with one connection; it sends one event after another, each until it is
    acknowledged."""

    def __init__(self, balancer: Balancer, token: str) -> None:
        self._balancer = balancer
        self._token = token
        self._streams: dict[str, Streams] = {}

    async def run(self, events: asyncio.Queue[dict[str, Any]]) -> None:
        while True:
            event = await events.get()
            while not event["acknowledged"]:
                target = self._balancer.next()
                refusal = await self._try(event["key"], target)
                if refusal is None:
                    event["acknowledged"] = time.monotonic()
                else:
                    event["refusals"][refusal] += 1
                    self._balancer.failed(target)
                    await asyncio.sleep(PAUSE_SECONDS)
            events.task_done()

    async def _try(self, key: str, target: str) -> str | None:
        """Sends an event once and returns why it was not accepted, None if it was."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                streams = self._streams.pop(target, None) or await _connect(target)
                streams[1].write(self._request(key))
                answer = await read_answer(streams[0])
        except (OSError, EOFError, TimeoutError) as fault:
            return type(fault).__name__
        if answer.headers.get("connection") == "close":
            await closed(streams)
        else:
            self._streams[target] = streams
        return None if answer.status == 200 else _code(answer)

    def _request(self, key: str) -> bytes:
        user = int(key.rpartition("-")[2]) % USERS
        target = f"/postback?user_id=user-{user}&event_id=purchase&sale_amount=1.5"
        return get(target, f"Authorization: {self._token}\r\nIdempotency-Key: {key}\r\n")


async def _connect(target: str) -> Streams:
    host, _, port = target.partition(":")
    return await asyncio.open_connection(host, int(port))


def _code(answer: Answer) -> str:
    with suppress(ValueError, KeyError):
        return str(json.loads(answer.body)["error"]["code"])
    return str(answer.status)


async def run(balancer: Balancer, token: str, label: str, rate: int) -> list[dict[str, Any]]:
    """Sends an event every 1/rate seconds, whatever the state of those before, until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sending = [asyncio.create_task(Sender(balancer, token).run(events)) for _ in range(CONNECTIONS)]
    records: list[dict[str, Any]] = []
    begun = time.monotonic()
    while not stop.is_set():
        key = f"{label}-{len(records)}"
        records.append({"key": key, "acknowledged": None, "refusals": Counter()})
        events.put_nowait(records[-1])
        due = begun + len(records) / rate
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0, due - time.monotonic()))
    with suppress(TimeoutError):
        await asyncio.wait_for(events.join(), LAST_SECONDS_MAX)
    for task in sending:
        task.cancel()
    return records


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--targets", nargs=2, required=True)
    arguments.add_argument("--token", required=True)
    arguments.add_argument("--label", required=True)
    arguments.add_argument("--rate", type=int, required=True)
    arguments.add_argument("--output", type=Path, required=True)
    chosen = arguments.parse_args()
    balancer = Balancer(chosen.targets)
    records = asyncio.run(run(balancer, chosen.token, chosen.label, chosen.rate))
    chosen.output.write_text("".join(json.dumps(record) + "\n" for record in records))


if __name__ == "__main__":
    main()
