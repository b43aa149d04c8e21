"""Starts a child process so that it cannot outlive the launcher, and stops it gracefully.

On Linux the kernel itself signals a child when its parent dies, even by SIGKILL. That signal is
tied to the thread that forked, so children are started from the main thread only. On other systems
the locks that children inherit (`deploy.lock`) still show the next launcher that they run.
"""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy import kernel, logs
from deploy.identity import ServerAccount, launcher_account
from deploy.lock import Lock
from shared.errors import OperatorError

POLL_SECONDS = 0.02


class NotStarted(OperatorError):
    """A program could not be started; the message has the reason, as far as it printed one."""


class StillHeld(NotStarted):
    """Processes of an earlier instance still run; another instance would corrupt their data."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A program to run, and the way it is stopped."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)  # contains the installation's key and URLs
    folder: Path
    log: Path | None  # None: it shares the output of the launcher
    lock: Path | None  # None: an earlier instance does no harm to a later one
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds_max: float = 10.0
    orphan_signal: signal.Signals = signal.SIGTERM  # sent by the kernel when the launcher dies
    identity: ServerAccount = field(default_factory=launcher_account)
    before: Callable[[], None] = lambda: None  # runs under the lock, just before the start


class Process:
    """A started command."""

    def __init__(self, command: Command, child: subprocess.Popen[bytes], log_begin: int) -> None:
        self.command = command
        self.pid = child.pid
        self._child = child
        self._log_begin = log_begin

    def status(self) -> int | None:
        """Returns None while it runs, then its exit status, or the negative number of a signal."""
        return self._child.poll()

    def failure_line(self) -> str:
        return logs.failure_line(self.command.log, self._log_begin) if self.command.log else ""

    def request_stop(self) -> None:
        with suppress(ProcessLookupError):
            self._child.send_signal(self.command.stop_signal)

    def wait(self, seconds_max: float) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds_max)
        return self._child.returncode

    def kill_group(self) -> None:
        """Kills the child and what it forked. Each child leads a process group of its own."""
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses for a zombie
            os.killpg(self.pid, signal.SIGKILL)

    def finish(self, waited_seconds: float = 0.0) -> None:
        """Waits for a child that was asked to stop `waited_seconds` ago, then sends SIGKILL."""
        self.wait(max(0.0, self.command.stop_seconds_max - waited_seconds))
        self.kill_group()
        self._child.wait()

    def stop(self) -> None:
        self.request_stop()
        self.finish()


def start(command: Command, standard_input: bytes = b"") -> Process:
    """Starts a command under its lock.

    Raises StillHeld while an earlier instance runs, or NotStarted.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children must be started from the main thread, which outlives them")
    if command.lock is None:
        return _start(command, (), standard_input)
    try:
        lock = Lock.acquire(command.lock)
    except OSError as error:
        raise _not_started(command, error) from error
    if lock is None:
        raise StillHeld(f"An earlier {command.name} is still stopping. Try again in a moment.")
    with lock:
        process = _start(command, (lock.descriptor,), standard_input)
        with suppress(OSError):  # a note for people: on a full disk the child runs without it
            lock.write(f"pid {process.pid}")
    return process


def run(command: Command, seconds_max: float, standard_input: bytes = b"") -> None:
    """Runs a command to its end.

    Raises NotStarted when it fails or takes longer than `seconds_max`.
    """
    process = start(command, standard_input)
    try:
        status = process.wait(seconds_max)
    finally:
        process.stop()
    if status != 0:
        raise NotStarted(failure_message(process))


def failure_message(process: Process) -> str:
    """Describes a failed start, with the program's own last error."""
    reason = process.failure_line() or "it printed no reason"
    return (
        f"{process.command.name} did not start: {reason}{log_hint(process.command, ' (see ', ')')}"
    )


def log_hint(command: Command, before: str, after: str = "") -> str:
    """Returns the path of a command's log between two texts; nothing where it has no log."""
    return f"{before}{command.log}{after}" if command.log else ""


def wait_until(process: Process, ready: Callable[[], bool], seconds_max: float) -> None:
    """Waits until a process is ready.

    Raises NotStarted when it ends first, or is not ready within `seconds_max`.
    """
    deadline = time.monotonic() + seconds_max
    while not ready():
        if process.status() is not None:
            raise NotStarted(failure_message(process))
        if time.monotonic() > deadline:
            raise NotStarted(
                f"{process.command.name} was not ready after {seconds_max:.0f} s. "
                f"{log_hint(process.command, 'See ', '.')}"
            )
        time.sleep(POLL_SECONDS)


def _start(command: Command, locks: tuple[int, ...], standard_input: bytes) -> Process:
    try:
        command.before()
        if command.log is None:
            return Process(command, _spawn(command, None, locks, standard_input), 0)
        logs.rotate(command.log)
        begin = command.log.stat().st_size if command.log.exists() else 0
        log = logs.open_to_append(command.log)
        try:
            return Process(command, _spawn(command, log, locks, standard_input), begin)
        finally:
            os.close(log)
    except (OSError, subprocess.SubprocessError) as error:
        raise _not_started(command, error) from error


def _spawn(
    command: Command, log: int | None, locks: tuple[int, ...], standard_input: bytes
) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    kernel.load()

    def prepare() -> None:
        # First the account, then the death signal: a change of credentials clears the latter.
        command.identity.enter()
        kernel.signal_on_parent_death(command.orphan_signal)
        if os.getppid() != parent:  # the launcher died before the kernel knew
            os._exit(1)

    with tempfile.TemporaryFile() if standard_input else Path(os.devnull).open("r+b") as input_file:
        input_file.write(standard_input)
        input_file.seek(0)
        return subprocess.Popen(
            command.argv,
            cwd=command.folder,
            env=command.environment,
            stdin=input_file,
            stdout=log,
            stderr=log,
            pass_fds=locks,
            # A session of its own: Ctrl-C in the terminal must reach the launcher only,
            # which then stops its children in order.
            start_new_session=True,
            umask=0o077,
            preexec_fn=prepare,  # noqa: PLW1509 - forks from the main thread only
            **command.identity.popen_arguments(),
        )


def _not_started(command: Command, error: Exception) -> NotStarted:
    return NotStarted(f"{command.name} did not start: {error}")
