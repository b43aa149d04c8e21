"""Each callback that is due arrives, whatever the receiver answers and whatever is killed.

Batches of conversions are sent while workers are killed and PostgreSQL and Redis are restarted. The
receiver answers at random: 200, 500, 429, 302, 410, slowly, broken off, or never. Time passes by
making due what waits, and an operator resumes the endpoint and replays what has failed, until
everything has been accepted. The judge compares what arrived with the tables.
"""

import asyncio
import importlib.util
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import psutil
import psycopg
import pytest

from tests.system.conftest import Watched, make_token
from tests.system.product import Waybill
from tests.system.servers import ANSWER_SECONDS_MAX, Postgres, Redis, until

CLIENT = Path(__file__).parents[2] / "docs" / "clients" / "waybill_batch.py"
# `make callback-faults EVENTS=…` sends more, and kills more often.
EVENTS = int(os.environ.get("CALLBACK_EVENTS", "3000"))
RESTARTS = max(3, EVENTS // 5_000)
SECONDS_MAX = max(300, EVENTS // 50)
BATCH_EVENTS = 500
LAPSED_SECONDS = 31  # a claim is over by then, or once its answer was noted
ANSWERS = (
    *("200",) * 60,
    *("slow",) * 10,
    *("500",) * 12,
    *("429",) * 6,
    *("302",) * 4,
    *("404",) * 3,
    *("broken",) * 4,
    *("never",) * 1,
)
GONE_EVERY = max(1_000, EVENTS // 20)  # requests: a 410 disables the endpoint
ACCEPTED = frozenset({"200", "slow"})
NEVER_SECONDS = 15.0  # longer than the product waits


@dataclass
class RandomReceiver:
    """A partner's server that answers at random, and a place where nobody may call.

    `answered` has the answers of each ID in their order, `strays` the connections to the other.
    """

    random: Random = field(default_factory=lambda: Random(16))
    answered: dict[str, list[str]] = field(default_factory=dict)
    requests: int = 0
    strays: int = 0
    port: int = 0
    stray_port: int = 0

    def start(self) -> None:
        started = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._run(started)), daemon=True).start()
        assert started.wait(10)

    async def _run(self, started: threading.Event) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        stray = await asyncio.start_server(self._stray, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.stray_port = stray.sockets[0].getsockname()[1]
        started.set()
        await asyncio.Event().wait()

    async def _stray(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.strays += 1
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._answer(reader, writer):
                pass
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        query = parse_qs(urlsplit(first.split(" ")[1]).query)
        kind = self._kind()
        self.requests += 1
        number = headers["webhook-id"]
        self.answered.setdefault(number, []).append(kind)
        assert query["id"] == [number]
        if kind == "never":
            await asyncio.sleep(NEVER_SECONDS)
            return False
        if kind == "broken":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            await writer.drain()
            return False
        if kind == "slow":
            await asyncio.sleep(0.5)
        status = 200 if kind == "slow" else int(kind)
        more = {
            429: "Retry-After: 60\r\n",
            302: f"Location: http://localhost:{self.stray_port}/\r\n",
        }.get(status, "")
        writer.write(f"HTTP/1.1 {status} X\r\n{more}Content-Length: 2\r\n\r\nok".encode())
        await writer.drain()
        return True

    def _kind(self) -> str:
        if self.requests % GONE_EVERY == GONE_EVERY - 1:
            return "410"
        return self.random.choice(ANSWERS)


@pytest.fixture
def receiver() -> RandomReceiver:
    receiver = RandomReceiver()
    receiver.start()
    return receiver


@pytest.fixture
def told(tmp_path: Path, receiver: RandomReceiver) -> Iterator[Watched]:
    """Yields the product on stores that may be stopped, with the endpoints of the test."""
    with TemporaryDirectory(prefix="waybill-postgres-") as folder:
        postgres, redis = Postgres(Path(folder)), Redis(tmp_path)
        postgres.make()
        for store in (postgres, redis):
            store.start()
        variables = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "WAYBILL_CALLBACK_NETWORKS": "127.0.0.0/8,::1/128",
            "WAYBILL_CALLBACK_PORTS": f"{receiver.port},{redis.port}",
        }
        waybill = Waybill(tmp_path / "data", variables)
        try:
            waybill.wait_until_ready()
            watched = Watched(waybill, make_token(waybill), postgres, redis)
            _make_endpoints(watched, receiver)
            yield watched
        finally:
            waybill.stop()
            for each in (postgres, redis):
                if each.process is not None:
                    each.stop()


def _make_endpoints(watched: Watched, receiver: RandomReceiver) -> None:
    create = ("callback", "create", "--app", "Shop", "--name")
    query = "id={nonce}&user={user_id}&kind={activity_kind}"
    url = f"http://localhost:{receiver.port}/cb?{query}"
    many = ("--concurrency-max", "64")
    watched.waybill.json(*create, "own", "--activity", "event", "--url", url, *many)
    # Nothing may be sent to these: a port that is not allowed, and Waybill's own store.
    for name, port in (("port", receiver.stray_port), ("store", watched.redis.port)):
        forbidden = f"http://localhost:{port}/cb?{query}"
        watched.waybill.json(*create, name, "--activity", "install", "--url", forbidden)
    watched.waybill.json(
        *(*create, "carried", "--partner", "Acme", "--level", "install"),
        *("--host", "partner.example"),
    )
    time.sleep(1.5)  # ingest and the workers know them


def _click(watched: Watched, receiver: RandomReceiver) -> str:
    """Clicks with a callback URL at a host that the partner has not named."""
    elsewhere = f"http://localhost:{receiver.stray_port}/cb"
    query = urlencode({"offer_id": 1, "pub_id": 1, "install_callback": elsewhere})
    waiting = HTTPConnection("127.0.0.1", watched.port, timeout=ANSWER_SECONDS_MAX)
    with closing(waiting) as connection:
        connection.request("GET", f"/click?{query}")
        location = connection.getresponse().headers["location"]
    return parse_qs(urlsplit(location).query)["clkid"][0]


def _client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("waybill_batch", CLIENT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _send(watched: Watched, click_id: str, verdicts: Counter[str]) -> None:
    client = _client().BatchClient(f"http://127.0.0.1:{watched.port}", watched.token)
    for begin in range(0, EVENTS, BATCH_EVENTS):
        events: list[dict[str, Any]] = [
            {"id": f"c-{number}", "type": "event", "user_id": f"u-{number % (EVENTS // 5)}",
             "event_id": "purchase", "sale_amount": "1.50", "time": int(time.time()) + 1}
            for number in range(begin, min(EVENTS, begin + BATCH_EVENTS))
        ]  # fmt: skip
        for event in events[:2]:
            event["click_id"] = click_id
        verdicts.update(each["status"] for each in client.send(events))


def _break(watched: Watched, broken: Counter[str]) -> None:
    """Kills a worker every few seconds, and a store every third time."""
    for turn in range(3 * RESTARTS):
        time.sleep(4.0)
        if turn % 3 < 2:
            workers = watched.waybill.children("rq.cli")
            for worker in random.sample(workers, min(1, len(workers))):
                with suppress(psutil.NoSuchProcess):
                    worker.send_signal(signal.SIGKILL)
                    broken["worker"] += 1
            continue
        store = watched.redis if turn % 2 else watched.postgres
        store.stop(signal.SIGKILL if store is watched.redis else signal.SIGINT)
        time.sleep(0.5)
        store.start()
        broken[type(store).__name__] += 1


_PASS_TIME = f"""
UPDATE callbacks SET due_at = now()
WHERE state = 'waiting' AND due_at > now() AND (
    attempted_at < now() - interval '{LAPSED_SECONDS} seconds'
    OR EXISTS (SELECT FROM callback_attempts WHERE callback_id = id AND number = attempts)
)
"""
_REPLAY = "UPDATE callbacks SET state = 'waiting', due_at = now() WHERE state = 'failed'"
_RESUME = "UPDATE callback_endpoints SET disabled_at = NULL, failures = 0 WHERE name = 'own'"
_OF_OWN = "endpoint_id = (SELECT id FROM callback_endpoints WHERE name = 'own')"
_LEFT = f"SELECT count(*) FROM callbacks WHERE {_OF_OWN} AND state <> 'delivered'"
# What a person does on the endpoint's page, and what a day brings.
_OPERATE = (_PASS_TIME, f"{_REPLAY} AND {_OF_OWN}", _RESUME)


def _operate(url: str) -> int:
    """Lets time pass, resumes and replays; returns how many have not been delivered."""
    with suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as connection:
        for statement in _OPERATE:
            connection.execute(statement.encode())
        return int(connection.execute(_LEFT.encode()).fetchall()[0][0])
    return EVENTS


_JUDGED = f"""
SELECT callbacks.id::text, state, attempts,
       array_agg(number ORDER BY number) FILTER (WHERE outcome = 'delivered'),
       count(number)
FROM callbacks LEFT JOIN callback_attempts ON callback_id = callbacks.id
WHERE {_OF_OWN} GROUP BY callbacks.id
"""
_FORBIDDEN = """
SELECT name, state, coalesce(reason, ''), count(*) FROM callbacks
JOIN callback_endpoints ON callback_endpoints.id = endpoint_id WHERE name <> 'own' GROUP BY 1, 2, 3
"""


def test_each_callback_arrives_and_none_again_after_a_recorded_2xx(
    told: Watched, receiver: RandomReceiver
) -> None:
    verdicts: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    sender = threading.Thread(target=_send, args=(told, _click(told, receiver), verdicts))
    breaker = threading.Thread(target=_break, args=(told, broken))
    began = time.monotonic()
    sender.start()
    breaker.start()
    while sender.is_alive() or breaker.is_alive():
        assert time.monotonic() - began < SECONDS_MAX
        _operate_slowly(told.postgres.url)
    told.waybill.wait_until_drained(SECONDS_MAX)
    until(lambda: _operate_slowly(told.postgres.url) == 0, SECONDS_MAX, "every callback")
    took = time.monotonic() - began

    with psycopg.connect(told.postgres.url) as connection:
        rows = connection.execute(_JUDGED.encode()).fetchall()
        forbidden = connection.execute(_FORBIDDEN).fetchall()
    _print_counts(rows, receiver, verdicts, broken, took, forbidden)
    assert sum(verdicts.values()) == EVENTS
    assert set(verdicts) <= {"accepted", "duplicate"}
    assert broken.keys() == {"worker", "Postgres", "Redis"}
    assert len(rows) == EVENTS
    assert {number for number, *_ in rows} == receiver.answered.keys()
    for number, state, attempts, delivered, _ in rows:
        kinds = receiver.answered[number]
        assert state == "delivered"
        assert delivered == [attempts], number  # nothing was claimed after a recorded 2xx
        assert ACCEPTED.intersection(kinds), number
        assert len(kinds) <= attempts, number  # each request is an attempt, under the same ID
    assert receiver.strays == 0
    assert {name for name, *_ in forbidden} == {"port", "store", "carried"}
    assert "delivered" not in {state for _, state, *_ in forbidden}


def _operate_slowly(url: str) -> int:
    time.sleep(1)
    return _operate(url)


def _print_counts(
    rows: Sequence[tuple[Any, ...]],
    receiver: RandomReceiver,
    verdicts: Counter[str],
    broken: Counter[str],
    took: float,
    forbidden: Sequence[tuple[Any, ...]],
) -> None:
    kinds = Counter(kind for answers in receiver.answered.values() for kind in answers)
    again = sum(
        max(0, sum(kind in ACCEPTED for kind in answers) - 1)
        for answers in receiver.answered.values()
    )
    print(f"\n{EVENTS} conversions in {took:.0f} s, {dict(verdicts)}; broken: {dict(broken)}")
    print(f"due {len(rows)}, arrived {len(receiver.answered)}, requests {receiver.requests}")
    print(f"answers {dict(kinds.most_common())}")
    print(f"accepted again before a 2xx was recorded: {again}; strays {receiver.strays}")
    print(f"forbidden: {forbidden}")
