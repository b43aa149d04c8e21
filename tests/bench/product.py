"""Starts the product's programs one by one, as docs/operations.md does. Imports nothing of them."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from rq import Queue

from tests.bench.processes import ANYWHERE, Program, clean_environment
from tests.bench.stores import BenchValkey
from tests.system.product import WAYBILL
from tests.system.servers import free_port, until

ROOT = Path(__file__).parents[2]
START_SECONDS_MAX = 40
APP_TOKEN = "benchapptoken"  # both as in requests.lua
EVENT_TOKENS = {"purchase": "purcha", "renewal": "renewa"}
OPEN_LIMITS = tuple(
    f"{whose}_{what}_per_second_max"
    for whose in ("open", "address")
    for what in ("requests", "bytes")
)
INBOX = "waybill:inbox"
BACKLOG = "waybill:inbox:events"
ACCEPTED = "waybill:accepted"
APPS = "waybill:inbox:apps"
# The worker class and the settings that ingest runs with.
SERVER = ("-m", "gunicorn", "-c", "python:ingest.server", "--log-level", "warning")
_WORKER = (
    *("-m", "rq.cli", "worker", "--worker-class", "workers.main.DrainWorker"),
    *("--job-class", "workers.main.ListedJob", "--serializer", "json"),
    *("--worker-ttl", "45", "--maintenance-interval", "15"),
    *("--disable-job-desc-logging", "--quiet", "pipeline"),
)


@dataclass
class BenchProduct:
    """The product on a database and a Redis, in `folder`; `token` and link (1, 1) are its own."""

    folder: Path
    database_url: str
    valkey: BenchValkey
    token: str = ""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.valkey.url,
            "RQ_REDIS_URL": self.valkey.url,
            "WAYBILL_SECRET_KEY": "a key of the bench, long enough to be one",
            "WAYBILL_DURABILITY": "strict" if self.valkey.fsync == "always" else "relaxed",
        }

    def furnish(self) -> None:
        """Creates the tables, one app, its token and its link."""
        self.run("migrate")
        self.run("app", "create", "--name", "Bench", "--app-token", APP_TOKEN)
        # All clicks come from one address: beyond its limit they would be redirected, not stored.
        limits = [f"--{limit.replace('_', '-')}={10**9}" for limit in OPEN_LIMITS]
        self.run("app", "set", "--app", "Bench", *limits)
        for name, event_token in EVENT_TOKENS.items():
            named = ("--mapping-id", name, "--name", name, "--event-token", event_token)
            self.run("event-type", "create", "--app", "Bench", *named)
        partner = ("--partner", "Acme", "--name", "Spring", "--destination", "https://shop.example")
        self.run("link", "create", "--app", "Bench", *partner)
        token = self.run("token", "create", "--app", "Bench", "--name", "bench")
        self.token = str(token["secret"])

    def publish(self) -> None:
        """Publishes the credentials to another Redis."""
        self.run("migrate")

    def run(self, *arguments: str) -> Any:
        command = [WAYBILL, *arguments, *(() if arguments == ("migrate",) else ("--json",))]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=clean_environment(self.environment),
            cwd=self.folder,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return None if arguments == ("migrate",) else json.loads(done.stdout)

    @contextmanager
    def ingest(self, cores: str | None = ANYWHERE.server) -> Iterator["Web"]:
        name = f"ingest-{self.valkey.fsync}"
        with serving(name, "ingest.app:get_app()", self.folder, self.environment, cores) as web:
            until(lambda: answers(web.port, 200), START_SECONDS_MAX, "ingest being ready")
            yield web

    @contextmanager
    def workers(self, count: int) -> Iterator[Sequence[Program]]:
        """Runs workers that are connected and waiting for work."""
        programs = [
            Program(
                f"worker-{number}",
                [sys.executable, *_WORKER],
                self.folder / f"worker-{number}.log",
                self.environment,
                folder=self.folder,
            )
            for number in range(count)
        ]
        client = self.valkey.client()
        for program in programs:
            program.start()
        try:
            until(lambda: client.scard("rq:workers") == count, START_SECONDS_MAX, "workers")
            yield programs
        finally:
            for program in programs:
                program.stop()
            client.close()

    def ask_for_drain(self) -> None:
        """Enqueues a drain, as ingest does when it adds the first entry."""
        queue = Queue("pipeline", connection=self.valkey.client(), serializer="json")
        queue.enqueue("workers.jobs.drain", description="drain", job_timeout=60, result_ttl=60)

    def backlog(self) -> int:
        with self.valkey.client() as client:
            return int(client.get(BACKLOG) or 0)

    def accepted(self) -> int:
        with self.valkey.client() as client:
            return int(client.get(ACCEPTED) or 0)

    def empty_inbox(self) -> None:
        with self.valkey.client() as client:
            parked = client.keys("waybill:parked*")
            client.delete(INBOX, BACKLOG, ACCEPTED, APPS, "waybill:wake", *parked)
            # What is measured is the way through the inbox, until a drain says otherwise.
            client.set("waybill:inbox:share", 0)


def answers(port: int, status: int | None = None) -> bool:
    """Tells whether it answers by HTTP: with that status to /health/ready, or at all."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return status in {None, connection.getresponse().status}
    except OSError:
        return False
    finally:
        connection.close()


@dataclass(frozen=True)
class Web:
    """A program that serves on a port."""

    program: Program
    port: int


@contextmanager
def serving(
    name: str,
    application: str,
    folder: Path,
    environment: dict[str, str],
    cores: str | None = None,
    gunicorn: Sequence[str] = SERVER,
) -> Iterator[Web]:
    """Runs gunicorn with one process, by default of the class and settings that ingest runs
    with."""
    port = free_port()
    argv = [sys.executable, *gunicorn, "--bind", f"127.0.0.1:{port}", application]
    own = {"PYTHONPATH": str(ROOT), **environment}
    program = Program(name, argv, folder / f"{name}.log", own, cores, folder)
    program.start()
    try:
        until(lambda: answers(port), START_SECONDS_MAX, f"{name} answering")
        program.check()
        yield Web(program, port)
    finally:
        program.stop()
