"""A courier on real stores, and a receiver of callbacks on loopback."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from uuid import UUID

import pytest

from shared.callbacks.addresses import AddressGuard
from shared.callbacks.http_client import HttpClient, Resolve
from shared.clock import Clock, now_ms
from shared.database import Connection
from shared.ids import new_receipt
from shared.redis import Redis
from shared.tally import Tally
from tests.integration.conftest import SECRET_KEY
from tests.integration.workers.deliver.receiver import Receiver
from workers.deliver.courier import Courier, CourierTools
from workers.deliver.deliver_metrics import DeliverCounts
from workers.deliver.lease import Lease
from workers.patient_database import Database

HOST = "receiver.example"


@dataclass
class Office:
    """Makes endpoints and callbacks, and delivers what is due."""

    connection: Connection
    redis: Redis
    receiver: Receiver
    database: Database
    app_id: int = 0
    tally: Tally = field(default_factory=Tally)
    clock: Clock = now_ms
    monotonic: Callable[[], float] = time.monotonic
    resolve: Resolve = field(default_factory=lambda: _loopback)

    def endpoint(self, path: str, name: str = "", **columns: object) -> int:
        values: dict[str, object] = {
            "app_id": self.app_id,
            "name": name or path,
            "activities": ["event"],
            "method": "GET",
            "url": f"http://{HOST}:{self.receiver.port}/{path}?id={{nonce}}&t={{receipt}}",
            **columns,
        }
        names = ", ".join(values)
        marks = ", ".join(["%s"] * len(values))
        [(number,)] = self.connection.execute(
            f"INSERT INTO callback_endpoints ({names}) VALUES ({marks}) RETURNING id".encode(),
            list(values.values()),
        ).fetchall()
        return int(number)

    def due(self, endpoint_id: int, count: int = 1) -> list[UUID]:
        ids = [new_receipt(now_ms()) for _ in range(count)]
        for each in ids:
            self.connection.execute(
                "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
                " event_time, state) VALUES (%s, %s, %s, 'production', 'event', %s, now(),"
                " 'waiting')",
                (each, endpoint_id, self.app_id, new_receipt(now_ms())),
            )
        return ids

    def make_due(self) -> None:
        self.connection.execute("UPDATE callbacks SET due_at = now() WHERE state = 'waiting'")

    def states(self) -> dict[UUID, tuple[str, int, str | None]]:
        rows = self.connection.execute("SELECT id, state, attempts, reason FROM callbacks")
        return {number: (state, attempts, reason) for number, state, attempts, reason in rows}

    def outcomes(self) -> list[tuple[str, int | None]]:
        rows = self.connection.execute("SELECT outcome, status FROM callback_attempts ORDER BY at")
        return [(outcome, status) for outcome, status in rows]

    def deliver(self, holder: str = "one", is_over: Callable[[], bool] = lambda: False) -> None:
        async def work() -> None:
            client = HttpClient(self.guard(), self.resolve)
            tools = CourierTools(
                connection=self.database.connection,
                lost_connection=self.database.close,
                key=SECRET_KEY,
                client=client,
                lease=Lease(self.redis, holder),
                counts=DeliverCounts(self.tally),
                now_ms=self.clock,
                monotonic=self.monotonic,
            )
            await Courier(tools).deliver(is_over, 0.05)
            client.close()

        asyncio.run(work())

    def guard(self) -> AddressGuard:
        loopback = (ip_network("127.0.0.1/32"),)
        return AddressGuard(loopback, frozenset({self.receiver.port}))


async def _loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def office(
    connection: Connection, redis: Redis, database_url: str, receiver: Receiver
) -> Iterator[Office]:
    database = Database(database_url)
    [(app_id,)] = connection.execute(
        "INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop') RETURNING id"
    ).fetchall()
    yield Office(connection, redis, receiver, database, app_id)
    database.close()
