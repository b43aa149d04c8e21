"""Tells which launcher and children run, by advisory locks that end with their last holder.

The process ID in a file can be wrong after a crash or a reboot; a flock cannot. The launcher holds
one for its data folder, and every child inherits one of its own, so that a new launcher knows when
the children of a killed launcher have really ended.
"""

import fcntl
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from shared.errors import OperatorError

POLL_SECONDS = 0.05
# A probe (`is_held`) holds the lock for microseconds; a launcher that meets one tries again.
LAUNCHER_WAIT_SECONDS_MAX = 0.5


class AlreadyRunning(OperatorError):
    """Another launcher holds this data folder."""


class Lock:
    """An acquired lock. It lasts until every copy of its descriptor is closed, also in children."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def acquire(cls, path: Path) -> Self | None:
        """Acquires a lock, or returns None while another process holds it.

        The file is never removed: processes would then lock different files of the same name.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def write(self, note: str) -> None:
        """Writes who holds the lock, for the error message of the next launcher."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, note.encode(), 0)

    def close(self) -> None:
        # Only close: an explicit LOCK_UN would release the lock for the children as well.
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def lock_as_launcher(path: Path, url: str | None) -> Lock:
    """Acquires the launcher's lock of a data folder.

    Raises AlreadyRunning with the note of the launcher that holds it.
    """
    deadline = time.monotonic() + LAUNCHER_WAIT_SECONDS_MAX
    while (lock := Lock.acquire(path)) is None:
        if time.monotonic() > deadline:
            note = path.read_text()
            raise AlreadyRunning(
                f"Waybill is already running here{f' ({note})' if note else ''}. "
                "Stop it first, or choose another folder with --data."
            )
        time.sleep(POLL_SECONDS)
    lock.write(f"pid {os.getpid()}" + (f", {url}" if url else ""))
    return lock


def wait_until_free(paths: Iterable[Path], seconds_max: float) -> list[Path]:
    """Waits for locks to become free and returns those that are still held after `seconds_max`."""
    deadline = time.monotonic() + seconds_max
    held = list(paths)
    while held := [path for path in held if is_held(path)]:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return held


def holders(path: Path) -> str:
    """Describes the holders of a lock.

    Where the system lists open files, these are the processes that hold it, not only the one that
    acquired it.
    """
    pids: set[int] = set()
    for process in Path("/proc").glob("[1-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or belongs to another user
            for link in (process / "fd").iterdir():
                with suppress(OSError):
                    if link.readlink() == path:
                        pids.add(int(process.name))
    return f"pid {', '.join(map(str, sorted(pids)))}" if pids else path.read_text()
