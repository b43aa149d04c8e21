"""Declares Waybill's programs as child processes: their command, their number, how they may end.

Addresses and keys are passed in the environment, never on the command line, which every user sees.
"""

import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.listen import Listen
from shared.access.grantees import Grantee
from shared.errors import OperatorError

READY_SECONDS_MAX = 30.0

RQ_OPTIONS = (
    *("--config", "workers.rq_settings", "--connection-class", "workers.main.RqRedis"),
    *("--worker-class", "workers.main.DrainWorker", "--job-class", "workers.main.ListedJob"),
    *("--serializer", "json"),
    # RQ's defaults of 7 and 10 minutes would leave a dead worker's job lying for that long.
    *("--worker-ttl", "45", "--maintenance-interval", "15"),
    *("--disable-job-desc-logging", "--quiet"),
)
QUEUE = "pipeline"
WORKER = "worker"
WORKER_STOP_SECONDS_MAX = 15.0


@dataclass(frozen=True)
class Program:
    """A program, of which `copies` run at the same time.

    With `listen`, it is ready once that address answers; `option` is the option that sets the
    address. It opens the stores with the login of `grantee`.
    """

    name: str
    argv: tuple[str, ...]
    copies: int = 1
    listen: Listen | None = None
    option: str = "--listen"
    stop_seconds_max: float = 15.0
    orphan_signal: signal.Signals = signal.SIGTERM
    grantee: Grantee | None = None  # None: with that of the owner

    def names(self) -> tuple[str, ...]:
        if self.listen:  # only one process can bind an address
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.copies + 1))


def ingest(listen: Listen) -> Program:
    return _served(Grantee.INGEST, "ingest.server", "ingest.app", listen, "--listen")


def console(listen: Listen) -> Program:
    return _served(Grantee.CONSOLE, "console.web.server", "console.web.app", listen, "--console")


def metrics(listen: Listen) -> Program:
    return _served(
        Grantee.METRICS, "console.metrics.server", "console.metrics.app", listen, "--metrics"
    )


def workers(copies: int = 2, stop_seconds_max: float = WORKER_STOP_SECONDS_MAX) -> Program:
    return Program(
        WORKER,
        (sys.executable, "-m", "rq.cli", "worker", *RQ_OPTIONS, QUEUE),
        copies,
        stop_seconds_max=stop_seconds_max,
        # A worker whose launcher is dead loses its stores at the same moment and would wait for
        # them for ever. A drain may die anywhere: another worker claims the entries that it held.
        orphan_signal=signal.SIGKILL,
        grantee=Grantee.WORKERS,
    )


def finish_erasures(environment: Mapping[str, str]) -> None:
    """Runs the program that carries out waiting erasures. Raises OperatorError if it fails."""
    # -P: Python looks for modules in the current folder first, so it must not be the caller's.
    argv = (sys.executable, "-P", "-m", "workers.finish_erasures")
    done = subprocess.run(argv, env=dict(environment), stdout=sys.stderr, check=False)
    if done.returncode:
        raise OperatorError(
            "Not everybody who was erased after the backup could be erased again. Do not use the "
            "restored installation: restore into another, empty one."
        )


def _served(grantee: Grantee, server: str, app: str, listen: Listen, option: str) -> Program:
    gunicorn = (sys.executable, "-m", "gunicorn", "-c", f"python:{server}")
    argv = (*gunicorn, "--bind", str(listen), f"{app}:get_app()")
    return Program(str(grantee), argv, listen=listen, option=option, grantee=grantee)
