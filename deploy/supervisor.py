"""Restarts children that end, after an increasing delay, and reports each restart.

Nothing ends the supervision but its owner: a child that cannot be started, for whatever reason, is
tried again.

There is no thread: the owner of the stack calls `watch` several times a second, from the main
thread, which is the one that children are tied to.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from deploy import logs, processes
from deploy.processes import Command, NotStarted, Process, StillHeld

DELAY_SECONDS_MIN = 0.5
# With a start of about 1 s, answers return within 5 s however often a child was killed. A child
# that ends at every start costs a quarter of a core then.
DELAY_SECONDS_MAX = 3.0
_KILLED_SECONDS_MAX = 1.0  # for the kernel to remove it
STEADY_SECONDS = 10.0  # a child that ran for this long started well: its next delay is short


@dataclass
class _Child:
    command: Command
    process: Process | None
    started_at: float
    restart_at: float = 0.0
    delay_seconds: float = 0.0
    kill_at: float | None = None  # set when it was dismissed


class Supervisor:
    """Children in stages, in the order of their start. `say` is called with each unexpected end."""

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._stages: list[list[_Child]] = []

    @property
    def pids(self) -> dict[str, int]:
        """Returns the process IDs of running children, by name."""
        return {child.command.name: child.process.pid for child in self._all() if child.process}

    def start(self, *commands: Command) -> list[Process]:
        """Starts the next stage. Raises NotStarted; children already started run until `stop`."""
        stage: list[_Child] = []
        self._stages.append(stage)
        for command in commands:
            process = processes.start(command)
            stage.append(_Child(command, process, self._clock()))
        return [child.process for child in stage if child.process]

    @property
    def names(self) -> set[str]:
        """Returns the names of all children, also of those about to restart or to end."""
        return {child.command.name for child in self._all()}

    def add(self, command: Command, beside: str) -> None:
        """Starts another child in the stage of `beside`, retried later if it cannot start now."""
        (stage,) = [
            stage for stage in self._stages if any(child.command.name == beside for child in stage)
        ]
        child = _Child(command, None, self._clock())
        stage.append(child)
        self._restart(child, child.started_at)

    def dismiss(self, name: str) -> None:
        """Asks a child to end for good. `watch` removes it, by SIGKILL when its time is up."""
        (child,) = [child for child in self._all() if child.command.name == name]
        child.kill_at = self._clock() + child.command.stop_seconds_max
        if child.process is not None:
            child.process.request_stop()

    def watch(self) -> None:
        """Checks every child once, without waiting."""
        now = self._clock()
        for child in list(self._all()):
            if child.command.log is not None:
                with suppress(OSError):  # a log that cannot be emptied now is tried again
                    logs.rotate(child.command.log)
            if child.kill_at is not None:
                self._remove_if_ended(child, child.kill_at, now)
            elif child.process is None:
                if now >= child.restart_at:
                    self._restart(child, now)
            elif (status := child.process.status()) is not None:
                # What it forked ends with it: a worker without its master would hold the port.
                child.process.kill_group()
                child.process = None
                self._schedule_restart(child, f"{child.command.name} {exit_text(status)}", now)

    def stop(self) -> None:
        """Stops the stages in reverse order, the children of one stage at the same time."""
        while self._stages:
            running = [child.process for child in self._stages[-1] if child.process]
            requested_at = time.monotonic()
            for process in running:
                process.request_stop()
            for process in running:
                process.finish(time.monotonic() - requested_at)
            self._stages.pop()

    def _all(self) -> Iterator[_Child]:
        return (child for stage in self._stages for child in stage)

    def _remove_if_ended(self, child: _Child, kill_at: float, now: float) -> None:
        if child.process is not None and child.process.status() is None and now < kill_at:
            return
        if child.process is not None:
            child.process.kill_group()
            child.process.wait(_KILLED_SECONDS_MAX)
        for stage in self._stages:
            if child in stage:
                stage.remove(child)

    def _restart(self, child: _Child, now: float) -> None:
        try:
            child.process = processes.start(child.command)
        except StillHeld:
            return  # processes of the dead child still run; they may be gone at the next check
        except NotStarted as error:
            self._schedule_restart(child, error.message, now)
        child.started_at = now

    def _schedule_restart(self, child: _Child, event: str, now: float) -> None:
        child.delay_seconds = next_delay(child.delay_seconds, now - child.started_at)
        child.restart_at = now + child.delay_seconds
        log = processes.log_hint(child.command, "; see ")
        self._say(f"{event}. It restarts in {child.delay_seconds:g} s{log}")


def next_delay(previous_seconds: float, ran_seconds: float) -> float:
    """Returns the delay before the next start: doubled each time, short again after a good run."""
    if previous_seconds == 0.0 or ran_seconds >= STEADY_SECONDS:
        return DELAY_SECONDS_MIN
    return min(previous_seconds * 2, DELAY_SECONDS_MAX)


def exit_text(status: int) -> str:
    """Describes the end of a child, from its exit status or the negative number of a signal."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:  # real-time signals have no names
        name = f"signal {-status}"
    return f"was killed by {name}"
