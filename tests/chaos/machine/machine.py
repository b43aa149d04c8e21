"""The machine: `waybill up` on stores of the harness, behind proxies, with senders in front."""

import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import psycopg
import redis

from tests.chaos.machine.proxy import Proxy
from tests.chaos.machine.requests import APP_TOKENS, EVENT_TOKEN, POISON
from tests.chaos.machine.stores import Postgres, Redis
from tests.system.product import Waybill
from tests.system.servers import until

ROOT = Path(__file__).parents[3]
BACKLOG_KEY = "waybill:inbox:events"
LAUNCH_SECONDS_MAX = 60
DAYS_BACK = 20
_LOOK_SECONDS = 0.2
_LOAD_STOP_SECONDS_MAX = 40


def furnish(waybill: Waybill) -> dict[str, str]:
    """Two apps, event types and a link, always with the same numbers. The token of each app."""
    tokens = {}
    for app, app_token in APP_TOKENS.items():
        waybill.json("app", "create", "--name", app, "--app-token", app_token)
        named = ("--mapping-id", "purchase", "--name", "Purchase", "--event-token")
        token = EVENT_TOKEN if app == "quiet" else "x9noisy"
        waybill.json("event-type", "create", "--app", app, *named, token)
        made = waybill.json("token", "create", "--app", app, "--name", "backend")
        tokens[app] = str(made["secret"])
    waybill.json(
        *("link", "create", "--app", "quiet", "--partner", "Acme", "--name", "Spring"),
        *("--destination", "https://shop.example/welcome"),
    )
    return tokens


@dataclass
class Setup:
    """`tree` is a copy of the product that runs instead of this one; `variables` its settings."""

    seed: int
    rate: int = 110
    appendfsync: str = "always"
    tree: Path | None = None
    variables: dict[str, str] = field(default_factory=dict)


class Machine:
    """A context manager: everything runs inside, nothing after it.

    The folder has logs, the journal and the data; it stays if `keeps` is set.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.folder = Path(tempfile.mkdtemp(prefix="waybill-chaos-"))
        self.folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
        self.keeps = False
        self.journal = self.folder / "journal.jsonl"
        self.base_ms = (int(time.time()) // 3600 * 3600 - DAYS_BACK * 86_400) * 1000
        self.ended_by_itself = 0  # how often the launcher did
        self.launching = threading.RLock()  # held by what ends or starts it on purpose
        self._ending = ExitStack()
        self._over = threading.Event()
        self._runs = 0
        self.load: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._ending.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.close()
        if kind is None and not self.keeps:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        self.postgres, self.redis = Postgres(self._place("postgres")), Redis(self._place("redis"))
        self.redis.appendfsync = self.setup.appendfsync
        self._ending.callback(self.postgres.unmount)
        for store in (self.postgres, self.redis):
            store.make()
            self._ending.callback(store.stop)
            store.start()
        self.to_postgres, self.to_redis = Proxy(self.postgres.port), Proxy(self.redis.port)
        for proxy in (self.to_postgres, self.to_redis):
            self._ending.callback(proxy.stop)
            proxy.start()
        self.waybill = Waybill(self.folder / "data", self._variables(), metrics=True, console=True)
        self._command = psutil.Process(self.waybill.process.pid).cmdline()
        self._ending.callback(self.stop_product)
        self.waybill.wait_until_ready()
        self.tokens = furnish(self.waybill)
        self.run(f"ALTER TABLE events ADD CONSTRAINT chaos CHECK (event_id <> '{POISON}')")
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        self._ending.callback(self._over.set)
        self._ending.callback(self.stop_load)

    def _place(self, name: str) -> Path:
        (self.folder / name).mkdir()
        return self.folder / name

    def _variables(self) -> dict[str, str]:
        own = f"{self.setup.tree}" if self.setup.tree else ""
        relaxed = self.setup.appendfsync != "always"
        return {
            "DATABASE_URL": f"postgresql://waybill@127.0.0.1:{self.to_postgres.port}/postgres",
            "REDIS_URL": f"redis://127.0.0.1:{self.to_redis.port}/0",
            **({"PYTHONPATH": own} if own else {}),
            **({"WAYBILL_DURABILITY": "relaxed"} if relaxed else {}),
            **self.setup.variables,
        }

    # The product

    def launch(self) -> None:
        """`waybill up` again, after it was ended, as a service manager would."""
        with self.launching, (self.folder / "data.out").open("ab") as output:
            self.waybill.process = subprocess.Popen(
                self._command, stdout=output, stderr=output, env=self.waybill.environment
            )

    def end_launcher(self, how: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.waybill.process.send_signal(how)
        with suppress(subprocess.TimeoutExpired):
            self.waybill.process.wait(LAUNCH_SECONDS_MAX)

    def stop_product(self) -> None:
        with self.launching:
            self._over.set()
            self.end_launcher(signal.SIGTERM)

    def _watch(self) -> None:
        """Starts the launcher again when it ended without being told to, and counts it."""
        while not self._over.wait(_LOOK_SECONDS):
            if not self.launching.acquire(blocking=False):
                continue
            try:
                if self.waybill.process.poll() is not None and not self._over.is_set():
                    self.ended_by_itself += 1
                    self.launch()
                    self._over.wait(1.0)
            finally:
                self.launching.release()

    def programs(self, word: str) -> Sequence[psutil.Process]:
        """Masters first: in the order of their starts."""
        with suppress(psutil.NoSuchProcess):
            found = self.waybill.children(word)
            return sorted(found, key=lambda process: process.pid)
        return []

    # The senders

    def start_load(self) -> None:
        chosen = {
            "port": self.waybill.port, "seed": self.setup.seed, "run": self._runs,
            "rate": self.setup.rate, "base-ms": self.base_ms, "journal": self.journal,
            **self.tokens,
        }  # fmt: skip
        self._runs += 1
        arguments = [part for name, value in chosen.items() for part in (f"--{name}", str(value))]
        with (self.folder / "load.log").open("ab") as log:
            self.load = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.machine.load", *arguments],
                stdout=log, stderr=log, cwd=ROOT,
            )  # fmt: skip

    def stop_load(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.load is not None:
            self.load.send_signal(how)
            self.load.wait(_LOAD_STOP_SECONDS_MAX)
        self.load = None

    # The stores, past the proxies

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return list(cursor.fetchall()) if cursor.description else []

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.redis.port, socket_timeout=5)

    def backlog(self) -> int:
        """Events that wait; -1 while nobody can tell."""
        try:
            with self.client() as client:
                return (
                    int(str(client.get(BACKLOG_KEY), "ascii")) if client.exists(BACKLOG_KEY) else 0
                )
        except (redis.RedisError, ValueError):
            return -1

    def wait_until_drained(self, seconds_max: float) -> float:
        return until(lambda: self.backlog() == 0, seconds_max, "the inbox emptying")
