"""Where the embedded servers listen: private folders with short names.

The path of a unix socket is limited to 103 bytes (macOS; Linux takes 107), and PostgreSQL and libpq
give a comma in it a meaning of its own. A data folder whose path does not fit gets its sockets in
the temporary folder, under a name that only this path and this user have.
"""

import hashlib
import os
import re
import shutil
import socket
import stat
from collections.abc import Iterable
from pathlib import Path

from shared.errors import OperatorError

SOCKET_PATH_BYTES_MAX = 103
PLAIN = re.compile(r"[A-Za-z0-9._/@+~-]+")
CONNECT_SECONDS_MAX = 2.0


class NoSocketFolder(OperatorError):
    """There is no safe place for a server to listen."""


def place(data: Path, server: str, socket_name: str, temporaries: Iterable[Path]) -> Path:
    """The folder for one server's socket: in the data folder, else in a temporary one."""
    known_as = f"{os.geteuid()}:{data}:{server}".encode(errors="surrogateescape")
    short = f"waybill-{os.geteuid()}-{hashlib.sha256(known_as).hexdigest()[:16]}"
    for folder in (data / "run" / server, *(temporary / short for temporary in temporaries)):
        if _fits(folder / socket_name):
            return folder
    raise NoSocketFolder(
        f"The path {data} is too long for the sockets of embedded servers. "
        "Choose a shorter folder with --data."
    )


def claim(folder: Path, owner: int) -> None:
    """Make it, private, or take it if it is ours already. Raises NoSocketFolder if it is not."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid in {os.geteuid(), owner}
        if not ours or found.st_mode & 0o077:
            raise NoSocketFolder(
                f"{folder} belongs to somebody else. Remove it, or set TMPDIR to a private folder."
            ) from None


def clear(folder: Path) -> None:
    """Remove what servers that are gone left in it. Call it under the server's lock."""
    for left in folder.iterdir():
        left.unlink()


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def ask(path: Path, question: bytes) -> bytes:
    """The first answer of the server at `path`, empty when it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.settimeout(CONNECT_SECONDS_MAX)
            server.connect(str(path))
            server.sendall(question)
            return server.recv(64) if question else b""
    except OSError:
        return b""


def _fits(path: Path) -> bool:
    text = str(path)
    return len(os.fsencode(text)) <= SOCKET_PATH_BYTES_MAX and bool(PLAIN.fullmatch(text))
