"""Fixtures of two running products: one for tests that leave it unchanged, one to be broken."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from tests.system.product import START_SECONDS_MAX, Waybill
from tests.system.servers import Postgres, Redis, until
from tests.system.traffic import get, send


@pytest.fixture(scope="session", autouse=True)
def _written_disk() -> None:
    """Writes what earlier suites have left in memory: a sync of Redis's file would wait for it."""
    os.sync()


@dataclass
class Running:
    """The running product, and one app with a token and a link, of offer 1 and publisher 1."""

    waybill: Waybill
    token: str

    @property
    def port(self) -> int:
        return self.waybill.port


@dataclass
class Watched(Running):
    """The running product on stores that the test may stop."""

    postgres: Postgres
    redis: Redis


def make_token(waybill: Waybill) -> str:
    waybill.json("app", "create", "--name", "Shop", "--app-token", "4w565xzmb54d")
    waybill.json(
        *("event-type", "create", "--app", "Shop", "--event-token", "f0ob4r"),
        *("--mapping-id", "purchase", "--name", "Purchase"),
    )
    waybill.json(
        *("link", "create", "--app", "Shop", "--partner", "Acme", "--name", "Spring"),
        *("--destination", "https://shop.example/welcome"),
    )
    return str(waybill.json("token", "create", "--app", "Shop", "--name", "backend")["secret"])


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Waybill(tmp_path_factory.mktemp("running") / "data") as waybill:
        yield Running(waybill, make_token(waybill))


@pytest.fixture
def crowded(running: Running) -> Iterator[Running]:
    """Yields the product to a test that sends more than is stored at once, and drains the inbox for
    the next test."""
    limits = [f"{who}-{what}" for who in ("open", "address") for what in ("requests", "bytes")]
    unlimited = [f"--{limit}-per-second-max=0" for limit in limits]  # all come from one address
    running.waybill.json("app", "set", "--app", "Shop", *unlimited)
    yield running
    running.waybill.wait_until_drained()


@pytest.fixture(scope="session")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with ExitStack() as ending:
        # Not under tmp_path, whose parents are private: where we are root it runs as another user.
        folder = ending.enter_context(TemporaryDirectory(prefix="waybill-postgres-"))
        postgres, redis = Postgres(Path(folder)), Redis(tmp_path_factory.mktemp("redis"))
        postgres.make()
        for store in (postgres, redis):
            ending.callback(store.stop)
            store.start()
        variables = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        waybill = Waybill(tmp_path_factory.mktemp("breakable") / "data", variables, patient=False)
        ending.callback(waybill.stop)
        waybill.wait_until_ready()
        yield Watched(waybill, make_token(waybill), postgres, redis)


@pytest.fixture
def watched(breakable: Watched) -> Watched:
    """Yields the product repaired and without events, whatever the test before did to it."""
    for store in (breakable.postgres, breakable.redis):
        if store.process is None:
            store.start()
    until(lambda: _is_whole(breakable), START_SECONDS_MAX, "the product being whole")
    breakable.waybill.wait_until_drained()
    with psycopg.connect(breakable.postgres.url) as connection:
        connection.execute("TRUNCATE events, duplicates, quarantine")
    return breakable


def _is_whole(running: Running) -> bool:
    return send(running.port, [get("/health/ready")], connections=1).statuses() == {200: 1}
