"""One running product for the tests that leave it as they found it."""

from collections.abc import Iterator
from dataclasses import dataclass

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


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    waybill = Waybill(tmp_path_factory.mktemp("running") / "data")
    try:
        waybill.wait_until_ready()
        yield Running(waybill, _token(waybill))
    finally:
        waybill.stop()


@pytest.fixture
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    postgres = Postgres(tmp_path_factory.mktemp("postgres"))
    redis = Redis(tmp_path_factory.mktemp("redis"))
    postgres.folder.chmod(0o755)
    for parent in postgres.folder.parents[:2]:
        parent.chmod(0o755)  # pytest's own folders: PostgreSQL runs as another user
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
