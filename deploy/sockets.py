"""Manages the private folders, with short names, that the sockets of embedded servers are in.

The path of a Unix socket is limited to 103 bytes (macOS; Linux allows 107), and PostgreSQL and
libpq give a comma in it a special meaning. A data folder whose path does not fit gets its sockets
in the temporary folder, under a name that is unique to this path and this user.
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
    """There is no safe folder for the socket of a server."""


def socket_folder(data: Path, server: str, socket_name: str, temporaries: Iterable[Path]) -> Path:
    """Returns the folder for a server's socket: in the data folder, else in a temporary one.

    Raises NoSocketFolder when the path of each is too long.
    """
    key = f"{os.geteuid()}:{data}:{server}".encode(errors="surrogateescape")
    short = f"waybill-{os.geteuid()}-{hashlib.sha256(key).hexdigest()[:16]}"
    for folder in (data / "run" / server, *(temporary / short for temporary in temporaries)):
        path = str(folder / socket_name)
        if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX and PLAIN.fullmatch(path):
            return folder
    raise NoSocketFolder(
        f"The path {data} is too long for the sockets of embedded servers. "
        "Choose a shorter folder with --data."
    )


def create_private(folder: Path, owner: int) -> None:
    """Creates a private folder unless it exists. Raises NoSocketFolder if it is not private."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid in {os.geteuid(), owner}
        if not is_ours or status.st_mode & 0o077:
            raise NoSocketFolder(
                f"{folder} belongs to another user. Remove it, or set TMPDIR to a private folder."
            ) from None


def empty(folder: Path) -> None:
    """Removes what earlier servers left in a folder. Call it under the server's lock."""
    for entry in folder.iterdir():
        entry.unlink()


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def request(path: Path, message: bytes) -> bytes:
    """Sends a message to a server and returns its first answer, empty when it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.settimeout(CONNECT_SECONDS_MAX)
            server.connect(str(path))
            server.sendall(message)
            return server.recv(64) if message else b""
    except OSError:
        return b""
