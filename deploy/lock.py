"""Who runs here: advisory locks that the kernel drops with their last holder.

A process id in a file can lie after a crash or a reboot; a flock cannot. The launcher holds one
for its data folder, and every child inherits one of its own, so that a new launcher knows when
the children of a killed one are really gone.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
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
    """A taken lock. It lasts until every copy of its descriptor is closed, also in children."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """None while somebody else holds it. The file is never removed: that would split it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def write(self, note: str) -> None:
        """Say who holds it, for the message of the next one."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, note.encode(), 0)

    def close(self) -> None:
        # Only close: an explicit LOCK_UN would take the lock from the children as well.
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


def take_as_launcher(path: Path, url: str | None) -> Lock:
    """The one launcher of a data folder. Raises AlreadyRunning with the words of the other."""
    deadline = time.monotonic() + LAUNCHER_WAIT_SECONDS_MAX
    while (lock := Lock.take(path)) is None:
        if time.monotonic() > deadline:
            raise AlreadyRunning(_already_running(path.read_text()))
        time.sleep(POLL_SECONDS)
    lock.write(f"pid {os.getpid()}" + (f", {url}" if url else ""))
    return lock


def still_held(paths: Iterable[Path], seconds_max: float) -> list[Path]:
    """Wait for locks to become free; those that did not within `seconds_max`."""
    deadline = time.monotonic() + seconds_max
    held = list(paths)
    while held := [path for path in held if is_held(path)]:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return held


def holders(path: Path) -> str:
    """Who holds it, in words. Where the system tells, those that do, not only who took it."""
    found = [int(link.parts[2]) for link in _open_files() if _leads_to(link, path)]
    return f"pid {', '.join(map(str, sorted(set(found))))}" if found else path.read_text()


def _open_files() -> Iterator[Path]:
    for process in Path("/proc").glob("[1-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is somebody else's
            yield from (process / "fd").iterdir()


def _leads_to(link: Path, path: Path) -> bool:
    try:
        return link.readlink() == path
    except OSError:
        return False


def _already_running(holder: str) -> str:
    who = f" ({holder})" if holder else ""
    return (
        f"Waybill is already running here{who}. "
        "Stop it first, or choose another folder with --data."
    )
