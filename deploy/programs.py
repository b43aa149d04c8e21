"""Waybill's own programs as child processes: what to run, how many, and how each may end.

Addresses and keys travel in the environment, never on the command line, which every user sees.
"""

import signal
import sys
from dataclasses import dataclass

from deploy.listen import Listen

READY_SECONDS_MAX = 30.0

WORKER = (
    *("--config", "workers.rq_settings", "--connection-class", "workers.main.RqRedis"),
    *("--worker-class", "workers.main.DrainWorker", "--job-class", "workers.main.ListedJob"),
    *("--serializer", "json"),
    # RQ's own 7 and 10 minutes would leave a dead worker's job lying for that long.
    *("--worker-ttl", "45", "--maintenance-interval", "15"),
    *("--disable-job-desc-logging", "--quiet"),
)
QUEUE = "pipeline"


@dataclass(frozen=True)
class Program:
    """`copies` run beside each other; with `listen`, it is ready once that address answers.

    `option` is what people choose that address with.
    """

    name: str
    argv: tuple[str, ...]
    copies: int = 1
    listen: Listen | None = None
    option: str = "--listen"
    stop_seconds_max: float = 15.0
    orphan_signal: signal.Signals = signal.SIGTERM

    def names(self) -> tuple[str, ...]:
        if self.listen:  # an address has room for one
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.copies + 1))


def ingest(listen: Listen) -> Program:
    gunicorn = (sys.executable, "-m", "gunicorn", "-c", "python:ingest.server")
    argv = (*gunicorn, "--bind", str(listen), "ingest.app:get_app()")
    return Program("ingest", argv, listen=listen)


def metrics(listen: Listen) -> Program:
    gunicorn = (sys.executable, "-m", "gunicorn", "-c", "python:console.metrics.server")
    argv = (*gunicorn, "--bind", str(listen), "console.metrics.app:get_app()")
    return Program("metrics", argv, listen=listen)


def console(listen: Listen) -> Program:
    gunicorn = (sys.executable, "-m", "gunicorn", "-c", "python:console.web.server")
    argv = (*gunicorn, "--bind", str(listen), "console.web.app:get_app()")
    return Program("console", argv, listen=listen, option="--console")


def workers(copies: int = 2) -> Program:
    return Program(
        "worker",
        (sys.executable, "-m", "rq.cli", "worker", *WORKER, QUEUE),
        copies,
        # A worker whose launcher is dead loses its stores at the same moment and would wait for
        # them for ever. A drain may die anywhere: what it held is taken up again.
        orphan_signal=signal.SIGKILL,
    )
