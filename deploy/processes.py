"""One child process: started so that it cannot outlive the launcher, ended politely.

On Linux the kernel itself signals a child when its parent dies, even by SIGKILL. That signal is
tied to the thread that forked, so children are started from the main thread only. Elsewhere the
locks that children inherit (`deploy.lock`) still tell the next launcher that they are there.
"""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from deploy import kernel, logs
from deploy.identity import ServerAccount, own
from deploy.lock import Lock
from shared.errors import OperatorError

POLL_SECONDS = 0.02


class NotStarted(OperatorError):
    """A program could not be brought up; says why, as far as it told."""


class StillHeld(NotStarted):
    """What an earlier instance left behind still runs; starting beside it would spoil its data."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run, and how it ends."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)  # holds the installation's key and URLs
    folder: Path
    log: Path | None  # None: it writes where the launcher does
    lock: Path | None  # None: nothing of it would spoil what a later one does
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds_max: float = 10.0
    orphan_signal: signal.Signals = signal.SIGTERM  # the kernel's, once the launcher is dead
    identity: ServerAccount = field(default_factory=own)
    before: Callable[[], None] = lambda: None  # runs under the lock, just before the start


class Process:
    """A started command."""

    def __init__(self, command: Command, child: subprocess.Popen[bytes], log_begin: int) -> None:
        self.command = command
        self.pid = child.pid
        self._child = child
        self._log_begin = log_begin

    def status(self) -> int | None:
        """None while it runs, then its exit status; minus the number of a signal."""
        return self._child.poll()

    def reason(self) -> str:
        return logs.reason(self.command.log, self._log_begin) if self.command.log else ""

    def ask_to_stop(self) -> None:
        with suppress(ProcessLookupError):
            self._child.send_signal(self.command.stop_signal)

    def wait(self, seconds_max: float) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds_max)
        return self._child.returncode

    def kill_group(self) -> None:
        """End it and what it forked, at once. Each child leads a process group of its own."""
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses for a zombie
            os.killpg(self.pid, signal.SIGKILL)

    def finish(self, waited_seconds: float = 0.0) -> None:
        """Wait for one that was asked to stop so long ago, then SIGKILL."""
        self.wait(max(0.0, self.command.stop_seconds_max - waited_seconds))
        self.kill_group()
        self._child.wait()

    def stop(self) -> None:
        self.ask_to_stop()
        self.finish()


def start(command: Command, standard_input: bytes = b"") -> Process:
    """Start it under its lock. Raises StillHeld while an earlier instance lives, or NotStarted."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children are started from the main thread: it must outlive them")
    if command.lock is None:
        return _begin(command, (), standard_input)
    lock = Lock.take(command.lock)
    if lock is None:
        raise StillHeld(f"An earlier {command.name} is still stopping. Try again in a moment.")
    with lock:
        process = _begin(command, (lock.descriptor,), standard_input)
        lock.write(f"pid {process.pid}")
    return process


def run(command: Command, seconds_max: float, standard_input: bytes = b"") -> None:
    """Run it to its end. Raises NotStarted when it fails or takes longer than `seconds_max`."""
    process = start(command, standard_input)
    try:
        status = process.wait(seconds_max)
    finally:
        process.stop()
    if status != 0:
        raise NotStarted(failure(process))


def failure(process: Process) -> str:
    """What went wrong while starting, in the program's own last words."""
    words = process.reason() or "it did not say why"
    return f"{process.command.name} did not start: {words}{where(process.command, ' (see ', ')')}"


def where(command: Command, before: str, after: str = "") -> str:
    """Where what it printed is to be found, in words; nothing where it is seen anyway."""
    return f"{before}{command.log}{after}" if command.log else ""


def wait_until(process: Process, ready: Callable[[], bool], seconds_max: float) -> None:
    """Raises NotStarted when the process ends first, or is not ready within `seconds_max`."""
    deadline = time.monotonic() + seconds_max
    while not ready():
        if process.status() is not None:
            raise NotStarted(failure(process))
        if time.monotonic() > deadline:
            raise NotStarted(
                f"{process.command.name} was not ready after {seconds_max:.0f} s. "
                f"{where(process.command, 'See ', '.')}"
            )
        time.sleep(POLL_SECONDS)


def _begin(command: Command, locks: tuple[int, ...], standard_input: bytes) -> Process:
    command.before()
    if command.log is None:
        return Process(command, _spawn(command, None, locks, standard_input), 0)
    logs.cut(command.log)
    begin = command.log.stat().st_size if command.log.exists() else 0
    log = logs.open_to_append(command.log)
    try:
        return Process(command, _spawn(command, log, locks, standard_input), begin)
    finally:
        os.close(log)


def _spawn(
    command: Command, log: int | None, locks: tuple[int, ...], standard_input: bytes
) -> subprocess.Popen[bytes]:
    try:
        with _readable(standard_input) as given:
            return subprocess.Popen(
                command.argv,
                cwd=command.folder,
                env=command.environment,
                stdin=given,
                stdout=log,
                stderr=log,
                pass_fds=locks,
                # A session of its own: Ctrl-C at the terminal must reach the launcher alone,
                # which then stops its children in order.
                start_new_session=True,
                umask=0o077,
                preexec_fn=_before_exec(command),  # noqa: PLW1509 - forks from the main thread only
                **command.identity.popen_arguments(),
            )
    except (OSError, subprocess.SubprocessError) as fault:
        raise NotStarted(f"{command.name} did not start: {fault}") from fault


@contextmanager
def _readable(text: bytes) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() if text else Path(os.devnull).open("r+b") as file:
        file.write(text)
        file.seek(0)
        yield file


def _before_exec(command: Command) -> Callable[[], None]:
    """What the child does between fork and exec."""
    parent = os.getpid()
    kernel.load()

    def prepare() -> None:
        # First the identity, then the death signal: a change of credentials clears the latter.
        command.identity.enter()
        kernel.signal_on_parent_death(command.orphan_signal)
        if os.getppid() != parent:  # the launcher died before the kernel knew
            os._exit(1)

    return prepare
