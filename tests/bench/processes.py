"""Starts programs of a run on given cores, stops them, and reads the CPU that each has used."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

STOP_SECONDS_MAX = 40
_PRODUCT = ("DATABASE_URL", "REDIS_URL", "RQ_REDIS_URL", "WAYBILL_")


@dataclass(frozen=True)
class Cores:
    """The cores on which programs run. On one core, and end to end, nothing is pinned."""

    server: str | None
    others: str | None


def pinned_cores() -> Cores:
    """Puts a server alone on the first core, and senders and Redis on the rest."""
    count = os.cpu_count() or 1
    if count < 2 or shutil.which("taskset") is None:
        return Cores(None, None)
    return Cores("0", f"1-{count - 1}")


ANYWHERE = Cores(None, None)


def clean_environment(added: Mapping[str, str]) -> dict[str, str]:
    """Returns our environment, without what would point a program at another installation."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(_PRODUCT)}
    return own | dict(added)


@dataclass
class Program:
    """A program with all the processes that it starts."""

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    cores: str | None = None
    folder: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        prefix = () if self.cores is None else ("taskset", "-c", self.cores)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*prefix, *self.argv],
                stdout=output,
                stderr=output,
                env=clean_environment(self.environment),
                cwd=self.folder,
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process = None

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4_000:]

    def check(self) -> None:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} has ended:\n{self.said()}"

    def cpu_seconds(self) -> float:
        assert self.process is not None
        return cpu_seconds(self.process.pid)


def cpu_seconds(pid: int) -> float:
    """Returns the CPU of a process and all that it has ever started, as far as they have been
    waited for."""
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
