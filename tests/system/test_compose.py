"""Runs the programs of compose.yaml as it says, but for the containers: each with its own secrets.

Imports nothing of the product.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import psycopg
import pytest
import redis
import yaml

from tests.system.product import RECORD_SECONDS_MAX, WAYBILL
from tests.system.servers import Postgres, Redis, accepts, free_port, until
from tests.system.traffic import get, send

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
INGEST = ("-m", "gunicorn", "-c", "python:ingest.server", "--bind", "0.0.0.0:8080")
PROGRAMS = ("ingest", "workers", "console", "metrics")
SECONDS_MAX = 40


class OwnedPostgres(Postgres):
    """A PostgreSQL that asks for the password of compose's secret."""

    password = Path()

    def make(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        command = [self.binaries() / "initdb", "-D", self.folder / "data", "-U", "waybill"]
        given = ["--auth=scram-sha-256", f"--pwfile={self.password}", "--no-sync"]
        subprocess.run(
            [*map(str, command), *given],
            check=True, stdout=subprocess.DEVNULL, user=self.user(), cwd=self.folder,
        )  # fmt: skip


class OwnedRedis(Redis):
    """A Redis that is started by the command of compose."""

    secrets = Path()

    def argv(self) -> list[str]:
        shell, option, script = SERVICES["redis"]["command"]
        for name, here in {
            "/run/secrets": str(self.secrets),
            "/etc/redis.conf": str(DEPLOY / "redis.conf"),
            "/data": str(self.folder),
            "--bind 0.0.0.0": f"--bind 127.0.0.1 --port {self.port}",
            "exec redis-server": f"exec {super().argv()[0]}",
            "$$": "$",
        }.items():
            assert name in script
            script = script.replace(name, here)
        return [shell, option, script]


@dataclass
class Composed:
    """The services of Waybill, each with a folder of the secrets that compose mounts for it."""

    folder: Path
    postgres: OwnedPostgres
    redis: OwnedRedis
    ports: dict[str, int] = field(default_factory=lambda: {each: free_port() for each in PROGRAMS})

    def environment(self, service: str) -> dict[str, str]:
        mounted = self.folder / "mounted" / service
        mounted.mkdir(parents=True, exist_ok=True)
        for name in SERVICES[service]["secrets"]:
            text = (self.folder / "secrets" / name).read_text()
            text = text.replace("@postgres/", f"@127.0.0.1:{self.postgres.port}/")
            (mounted / name).write_text(
                text.replace("@redis:6379/", f"@127.0.0.1:{self.redis.port}/")
            )
        passed = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        for name, value in SERVICES[service]["environment"].items():
            text = re.sub(r"\$\{\w+:\?\}", "https://waybill.example", str(value))
            text = re.sub(r"\$\{\w+:-(\w*)\}", r"\1", text)
            text = text.replace("/run/secrets", str(mounted))
            passed[name] = text.replace("/var/lib/waybill", str(self.folder))
        return passed

    def argv(self, service: str) -> list[str]:
        program, *words = SERVICES[service].get(
            "command", ["python", *INGEST, "ingest.app:get_app()"]
        )
        words = [
            re.sub(r"0\.0\.0\.0:\d+", f"127.0.0.1:{self.ports.get(service, 0)}", word)
            for word in words
        ]
        words = [
            word.replace("/run/secrets", str(self.folder / "mounted" / service)) for word in words
        ]
        return [WAYBILL if program == "waybill" else sys.executable, *words]

    def run(self, service: str, *arguments: str) -> Any:
        """Runs a command as `docker compose exec` or `run` does, and returns its document."""
        argv = [WAYBILL, *arguments] if arguments else self.argv(service)
        done = subprocess.run(
            [*argv, "--json"],
            env=self.environment(service), cwd="/", capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def record(self, token: str) -> None:
        """Sends an event and waits until it is recorded."""
        target = f"/postback?s2s_token={token}&user_id=u&event_id=purchase"
        (answer,) = send(self.ports["ingest"], [get(target)], connections=1).answers
        assert answer.status == 200
        receipt = answer.headers["waybill-receipt"]
        until(
            lambda: self.run("console", "trace", receipt)["state"] == "recorded",
            RECORD_SECONDS_MAX,
            "the event being recorded",
        )


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    folder = tmp_path_factory.mktemp("compose")
    for script in DEPLOY.glob("*.sh"):
        shutil.copy(script, folder)
    subprocess.run(["sh", str(folder / "compose-secrets.sh")], check=True)
    with ExitStack() as ending:
        home = Path(ending.enter_context(TemporaryDirectory(prefix="waybill-postgres-")))
        password = home / "password"
        shutil.copy(folder / "secrets" / "postgres_password", password)
        password.chmod(0o644)
        postgres, store = OwnedPostgres(home), OwnedRedis(tmp_path_factory.mktemp("redis"))
        postgres.password, store.secrets = password, folder / "secrets"
        postgres.make()
        for server in (postgres, store):
            ending.callback(server.stop)
            server.start()
        make_database(postgres, password.read_text().strip())
        composed = Composed(folder, postgres, store)
        for service in ("migrate", "logins"):
            composed.run(service)
        for service in PROGRAMS:
            with (folder / f"{service}.log").open("wb") as log:
                process = subprocess.Popen(
                    composed.argv(service),
                    env=composed.environment(service), cwd="/", stdout=log, stderr=log,
                )  # fmt: skip
            ending.callback(process.wait, 60)
            ending.callback(process.terminate)
        for service in ("ingest", "console", "metrics"):
            port = composed.ports[service]
            until(lambda: accepts(port), SECONDS_MAX, f"{service} listening")  # noqa: B023
        yield composed


def make_database(postgres: Postgres, password: str) -> None:
    """Makes what the image of PostgreSQL makes: a database that is called like its user."""
    url = postgres.url.replace("waybill@", f"waybill:{password}@")

    def made() -> bool:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE waybill")
        except psycopg.OperationalError:  # it is starting up
            return False
        return True

    until(made, SECONDS_MAX, "PostgreSQL answering")


@pytest.fixture(scope="module")
def token(composed: Composed) -> str:
    composed.run("console", "app", "create", "--name", "Shop")
    composed.run(
        *("console", "event-type", "create", "--app", "Shop"),
        *("--mapping-id", "purchase", "--name", "Purchase"),
    )
    made = composed.run("console", "token", "create", "--app", "Shop", "--name", "backend")
    return str(made["secret"])


def test_an_event_passes_every_program_each_with_its_own_login(
    composed: Composed, token: str
) -> None:
    composed.record(token)
    with urlopen(f"http://127.0.0.1:{composed.ports['metrics']}/health/ready") as answer:
        assert answer.status == 200

    with redis.Redis.from_url(owner_url(composed)) as client:
        users = {each["user"] for each in client.client_list()}
    assert {"waybill_ingest", "waybill_workers", "waybill_metrics"} <= users
    assert composed.run("logins", "access", "check")["discrepancies"] == []


def owner_url(composed: Composed) -> str:
    return (composed.folder / "mounted" / "logins" / "redis_url").read_text().strip()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_is_taken_over_knows_no_other_login(
    composed: Composed, program: str
) -> None:
    secrets = sorted(path.name for path in (composed.folder / "mounted" / program).iterdir())
    logins = [name for name in secrets if name.endswith(("redis_url", "database_url"))]

    expected = [f"{program}_database_url", f"{program}_redis_url"]
    assert logins == (expected[1:] if program == "ingest" else expected)


def test_redis_knows_every_user_after_a_restart_and_asks_strangers_for_a_password(
    composed: Composed, token: str
) -> None:
    composed.redis.stop()
    composed.redis.start()
    with (
        redis.Redis(port=composed.redis.port) as stranger,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        stranger.get("waybill:snapshot")

    until(lambda: is_ready(composed), SECONDS_MAX, "events being accepted")
    composed.record(token)
    composed.run("logins")  # may be repeated, as with the next version
    assert composed.run("logins", "access", "check")["remarks"] == [
        "7 logins have what they need, and no more."
    ]


def is_ready(composed: Composed) -> bool:
    answers = send(composed.ports["ingest"], [get("/health/ready")], connections=1)
    return answers.statuses() == {200: 1}
