"""Sets up ten hosts, and the product on four of them, as an operator would."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.cluster.hosts import Host, Network, Program
from tests.chaos.cluster.stores import (
    NAME,
    POSTGRES_PORT,
    SENTINEL_PORT,
    Postgres,
    Redis,
    Sentinel,
)
from tests.system.servers import until

ROOT = Path(__file__).parents[3]
BINARIES = Path(sys.executable).parent
INGEST_PORT = 8080
READY_SECONDS_MAX = 60


@dataclass(frozen=True)
class Mode:
    """A mode of durability: `replicas_min` replicas of Redis confirm before the 200, a standby
    before a commit."""

    name: str
    replicas_min: int
    has_standby_confirm: bool

    @property
    def standby_state(self) -> str:
        return "sync" if self.has_standby_confirm else "async"


ASYNCHRONOUS = Mode("asynchronous", 0, has_standby_confirm=False)
SYNCHRONOUS = Mode("synchronous", 1, has_standby_confirm=True)


class Cluster:
    """Two ingest hosts, two worker hosts, two Redis, two PostgreSQL, a third Sentinel, senders."""

    def __init__(self, network: Network, mode: Mode) -> None:
        self.mode = mode
        self.ingests = [network.add(f"ingest-{number}") for number in (1, 2)]
        self.workers = [network.add(f"worker-{number}") for number in (1, 2)]
        self.redis = [Redis(network.add(f"redis-{number}")) for number in (1, 2)]
        self.postgres = [Postgres(network.add(f"postgres-{number}")) for number in (1, 2)]
        self.witness = network.add("witness")
        self.sender = network.add("sender")
        watching = [*(redis.host for redis in self.redis), self.witness]
        self.sentinels = [Sentinel(host) for host in watching]
        self.token = ""

    @property
    def environment(self) -> dict[str, str]:
        """Returns the variables that an operator sets on every host."""
        databases = ",".join(f"{store.host.address}:{POSTGRES_PORT}" for store in self.postgres)
        sentinels = ",".join(f"{store.host.address}:{SENTINEL_PORT}" for store in self.sentinels)
        return {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": f"postgresql://{NAME}@{databases}/{NAME}",
            "REDIS_URL": f"redis+sentinel://{sentinels}/{NAME}",
            "WAYBILL_SECRET_KEY": "a key of the cluster test, long enough to be one",
            "WAYBILL_REPLICAS_MIN": str(self.mode.replicas_min),
        }

    def start(self) -> None:
        self._start_redis()
        self._start_postgres()
        self._start_product()

    def redis_primary(self) -> Redis:
        """Returns the primary that the third Sentinel sees, which is never cut off."""
        address = self.sentinels[2].primary_address()
        return next(redis for redis in self.redis if redis.host.address == address)

    def redis_replica(self) -> Redis:
        primary = self.redis_primary()
        return next(redis for redis in self.redis if redis is not primary)

    def redis_is_whole(self) -> bool:
        primary, replica = self.redis_primary(), self.redis_replica()
        return (
            primary.is_primary()
            and replica.follows()
            and replica.info()["master_host"] == primary.host.address
        )

    def waybill(self, *arguments: str) -> Any:
        command = (str(BINARIES / "waybill"), *arguments, "--json")
        return json.loads(self.workers[0].run(*command, environment=self.environment) or "null")

    def start_ingest(self, host: Host) -> Program:
        bind = f"{host.address}:{INGEST_PORT}"
        gunicorn = (str(BINARIES / "python"), "-m", "gunicorn", "-c", "python:ingest.server")
        argv = host.argv(*gunicorn, "--bind", bind, "ingest.app:get_app()")
        return host.serve("ingest", argv, self.environment)

    def start_worker(self, host: Host) -> Program:
        argv = host.argv(str(BINARIES / "waybill"), "workers", "--count", "1")
        return host.serve("worker", argv, self.environment)

    def wait_until_ready(self, ingest: Host) -> None:
        until(lambda: self._is_ready(ingest), READY_SECONDS_MAX, f"{ingest.name} being ready")

    def _is_ready(self, ingest: Host) -> bool:
        address = f"http://{ingest.address}:{INGEST_PORT}/health/ready"
        ask = f"import urllib.request; urllib.request.urlopen('{address}', timeout=2)"
        try:
            self.sender.run(sys.executable, "-c", ask)
        except AssertionError:
            return False
        return True

    def _start_redis(self) -> None:
        first, second = self.redis
        first.start()
        second.start(first.host)
        until(second.follows, READY_SECONDS_MAX, "Redis following")
        for sentinel in self.sentinels:
            sentinel.start(first.host)
        for sentinel in self.sentinels:
            until(sentinel.knows_all, READY_SECONDS_MAX, "the Sentinels knowing one another")

    def _start_postgres(self) -> None:
        primary, standby = self.postgres
        primary.make()
        primary.start()
        primary.execute(f"CREATE DATABASE {NAME}")
        self.add_standby(primary, standby)

    def add_standby(self, primary: Postgres, standby: Postgres) -> None:
        standby.copy(primary.host)
        standby.start()
        primary.wait_for_standbys(is_asked=self.mode.has_standby_confirm)
        until(
            lambda: primary.has_standby(self.mode.standby_state),
            READY_SECONDS_MAX,
            "the standby streaming",
        )

    def _start_product(self) -> None:
        self.waybill("migrate")
        for host in self.ingests:
            self.start_ingest(host)
        for host in self.workers:
            self.start_worker(host)
        self.waybill("app", "create", "--name", "Shop")
        self.waybill(
            *("event-type", "create", "--app", "Shop"),
            *("--mapping-id", "purchase", "--name", "Purchase"),
        )
        token = self.waybill("token", "create", "--app", "Shop", "--name", "backend")
        self.token = token["secret"]
        for host in self.ingests:
            self.wait_until_ready(host)
