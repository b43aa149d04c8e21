"""One running product for the tests that leave it as they found it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.system.product import Waybill
from tests.system.servers import Postgres, Redis


@dataclass
class Running:
    """The product, and one app with a token and a link, of offer 1 and publisher 1."""

    waybill: Waybill
    token: str

    @property
    def port(self) -> int:
        return self.waybill.port


@dataclass
class Watched(Running):
    """The same on stores that the test may stop."""

    postgres: Postgres
    redis: Redis


def _token(waybill: Waybill) -> str:
    waybill.json("app", "create", "--name", "Shop")
    waybill.json(
        "event-type", "create", "--app", "Shop", "--mapping-id", "purchase", "--name", "Purchase"
    )
    waybill.json(
        *("link", "create", "--app", "Shop", "--partner", "Acme", "--name", "Spring"),
        *("--destination", "https://shop.example/welcome"),
    )
    return str(waybill.json("token", "create", "--app", "Shop", "--name", "backend")["secret"])


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    waybill = Waybill(tmp_path_factory.mktemp("running") / "data")
    try:
        waybill.wait_until_ready()
        yield Running(waybill, _token(waybill))
    finally:
        waybill.stop()


@pytest.fixture
def crowded(running: Running) -> Iterator[Running]:
    """For a test that sends more than is stored at once: the next one finds the inbox empty."""
    yield running
    running.waybill.wait_until_drained()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """Not under tmp_path, whose parents are private: it runs as another user where we are root."""
    with TemporaryDirectory(prefix="waybill-postgres-") as folder:
        yield Postgres(Path(folder))


@pytest.fixture
def watched(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Watched]:
    redis = Redis(tmp_path_factory.mktemp("redis"))
    postgres.make()
    postgres.start()
    redis.start()
    addresses = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
    waybill = Waybill(tmp_path_factory.mktemp("watched") / "data", addresses)
    try:
        waybill.wait_until_ready()
        yield Watched(waybill, _token(waybill), postgres, redis)
    finally:
        waybill.stop()
        redis.stop()
        postgres.stop()
