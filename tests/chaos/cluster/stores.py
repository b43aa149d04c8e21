"""Runs Redis, Sentinel and PostgreSQL of Debian, each on a host, set up by the files of
`deploy/`."""

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis as Client
from redis.exceptions import RedisError

from tests.chaos.cluster.hosts import Host
from tests.system.servers import until

DEPLOY = Path(__file__).parents[3] / "deploy"
NAME = "waybill"
REDIS_PORT, SENTINEL_PORT, POSTGRES_PORT = 6379, 26_379, 5432
READY_SECONDS_MAX = 60
PAUSE_MS = 30_000
_BINARIES = Path("/usr/lib/postgresql/15/bin")
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass
class Redis:
    """A Redis; the judge reaches it by `socket`, whatever the state of its network."""

    host: Host

    @property
    def socket(self) -> Path:
        return self.host.folder / "redis.sock"

    def client(self) -> Client:
        return Client(unix_socket_path=str(self.socket), socket_timeout=5, decode_responses=True)

    def start(self, primary: Host | None = None) -> None:
        """Starts Redis, which remembers its primary: Sentinel has it written into its own copy of
        the file."""
        file = self.host.folder / "redis.conf"
        shutil.copy(DEPLOY / "redis.conf", file)
        with file.open("a") as more:
            more.write(f"bind {self.host.address}\ndir {self.host.folder}\nmaxmemory 256mb\n")
            more.write(f"protected-mode no\nunixsocket {self.socket}\nunixsocketperm 777\n")
            if primary:
                more.write(f"replicaof {primary.address} {REDIS_PORT}\n")
        self.host.serve("redis", self.host.argv("redis-server", str(file)), _ENVIRONMENT)
        until(self.answers, READY_SECONDS_MAX, f"Redis on {self.host.name}")

    def answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except RedisError:
            return False

    def info(self) -> dict[str, Any]:
        return dict(self.client().info("replication"))

    def is_primary(self) -> bool:
        return self.answers() and self.info()["role"] == "master"

    def follows(self) -> bool:
        return self.answers() and self.info().get("master_link_status") == "up"

    def pause_writes(self) -> None:
        self._tell("CLIENT", "PAUSE", str(PAUSE_MS), "WRITE")

    def take_writes(self) -> None:
        self._tell("CLIENT", "UNPAUSE")

    def follow(self, primary: Host) -> None:
        self._tell("REPLICAOF", primary.address, str(REDIS_PORT))

    def _tell(self, *words: str) -> None:
        self.client().execute_command(*words)  # type: ignore[no-untyped-call]

    def is_copied(self) -> bool:
        """Tells whether its replica has everything."""
        info = self.info()
        return bool(info["slave0"]["offset"] >= info["master_repl_offset"])


@dataclass
class Sentinel:
    host: Host

    def start(self, primary: Host) -> None:
        file = self.host.folder / "sentinel.conf"
        text = (DEPLOY / "sentinel.conf").read_text()
        text = text.replace("bind 127.0.0.1", f"bind {self.host.address}\nprotected-mode no")
        text = text.replace(f"monitor {NAME} 127.0.0.1", f"monitor {NAME} {primary.address}")
        file.write_text(f"{text}\nunixsocket {self.socket}\ndir {self.host.folder}\n")
        self.host.serve("sentinel", self.host.argv("redis-sentinel", str(file)), _ENVIRONMENT)

    @property
    def socket(self) -> Path:
        return self.host.folder / "sentinel.sock"

    def ask(self, *words: str) -> Any:
        client = Client(unix_socket_path=str(self.socket), socket_timeout=5, decode_responses=True)
        return client.execute_command("SENTINEL", *words)  # type: ignore[no-untyped-call]

    def knows_all(self) -> bool:
        try:
            return len(self.ask("SENTINELS", NAME)) == 2 and len(self.ask("REPLICAS", NAME)) == 1
        except RedisError:
            return False

    def primary_address(self) -> str:
        return str(self.ask("GET-MASTER-ADDR-BY-NAME", NAME)[0])


@dataclass
class Postgres:
    """A PostgreSQL that runs as nobody, because it refuses root."""

    host: Host

    @property
    def data(self) -> Path:
        return self.host.folder / "data"

    def make(self) -> None:
        self._tool(
            "initdb", "-D", str(self.data), "-A", "trust", "-U", NAME, "-E", "UTF8", "--no-sync"
        )
        with (self.data / "pg_hba.conf").open("a") as more:
            more.write("host all,replication all samenet trust\n")
        self._configure()

    def copy(self, primary: Host) -> None:
        """Makes it a standby of this primary, from nothing."""
        shutil.rmtree(self.data, ignore_errors=True)
        self._tool(
            *("pg_basebackup", "-D", str(self.data), "-h", primary.address, "-U", NAME),
            *("--checkpoint", "fast", "--write-recovery-conf", "--no-sync"),
        )
        self._configure()

    def _configure(self) -> None:
        """Appends settings; the last line of the file decides on each."""
        with (self.data / "postgresql.conf").open("a") as more:
            more.write((DEPLOY / "postgresql.conf").read_text())
            more.write(f"\nlisten_addresses = '{self.host.address}'\nshared_buffers = 64MB\n")
            more.write(f"unix_socket_directories = '{self.host.folder}'\n")

    def start(self) -> None:
        command = (str(_BINARIES / "postgres"), "-D", str(self.data))
        server = self.host.serve("postgres", self.host.argv(*command, as_nobody=True), _ENVIRONMENT)
        server.stop_signal = signal.SIGINT  # SIGTERM would wait until every client has gone
        until(self.answers, READY_SECONDS_MAX, f"PostgreSQL on {self.host.name}")

    def promote(self) -> None:
        self._tool("pg_ctl", "promote", "-D", str(self.data))

    def wait_for_standbys(self, *, is_asked: bool) -> None:
        """Sets whether a commit waits for a standby."""
        self.execute(
            f"ALTER SYSTEM SET synchronous_standby_names = '{'FIRST 1 (*)' if is_asked else ''}'"
        )
        self.execute("SELECT pg_reload_conf()")

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.host.folder), user=NAME, dbname=database, autocommit=True,
            connect_timeout=3,
        )  # fmt: skip

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        with self.connect(database) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def answers(self) -> bool:
        try:
            return bool(self.execute("SELECT 1"))
        except psycopg.Error:
            return False

    def is_primary(self) -> bool:
        try:
            return self.execute("SELECT pg_is_in_recovery()") == [(False,)]
        except psycopg.Error:
            return False

    def has_standby(self, state: str) -> bool:
        """Tells whether it has a standby in the state `sync` or `async`."""
        rows = self.execute("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'")
        return rows == [(state,)]

    def _tool(self, name: str, *arguments: str) -> None:
        self.host.run(str(_BINARIES / name), *arguments, environment=_ENVIRONMENT, as_nobody=True)
