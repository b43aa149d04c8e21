"""Keeps children alive: starts again what ends, a little later each time, and says so.

There is no thread: whoever runs the stack calls `watch` several times a second, from the main
thread, which is the one that children are tied to.
"""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy import logs, processes
from deploy.processes import Command, NotStarted, Process, StillHeld

DELAY_SECONDS_MIN = 0.5
DELAY_SECONDS_MAX = 10.0
_KILLED_SECONDS_MAX = 1.0  # for the kernel to take it away
STEADY_SECONDS = 30.0  # a child that ran for this long has started well: its next delay is short


@dataclass
class _Kept:
    command: Command
    process: Process | None
    started_at: float
    due_at: float = 0.0
    delay_seconds: float = 0.0
    leaves_by: float | None = None  # of one that was dismissed


class Supervisor:
    """Children in stages, in the order of their start. `say` gets one sentence for each death."""

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._stages: list[list[_Kept]] = []

    @property
    def pids(self) -> dict[str, int]:
        """Of those that run now, by name."""
        return {kept.command.name: kept.process.pid for kept in self._all() if kept.process}

    def start(self, *commands: Command) -> list[Process]:
        """The next stage. Raises NotStarted; those already started stay until `stop`."""
        self._stages.append([])
        return [self._begin(command) for command in commands]

    @property
    def names(self) -> set[str]:
        """Of all children, also those that are about to start again or to leave."""
        return {kept.command.name for kept in self._all()}

    def add(self, command: Command, beside: str) -> None:
        """One more, in the stage of `beside`; as one that died, if it cannot be started now."""
        (stage,) = [each for each in self._stages if any(k.command.name == beside for k in each)]
        kept = _Kept(command, None, self._clock())
        stage.append(kept)
        self._start_again(kept, kept.started_at)

    def dismiss(self, name: str) -> None:
        """Ask one to end for good. `watch` sees it off, by SIGKILL when its time is up."""
        (kept,) = [each for each in self._all() if each.command.name == name]
        kept.leaves_by = self._clock() + kept.command.stop_seconds_max
        if kept.process is not None:
            kept.process.ask_to_stop()

    def watch(self) -> None:
        """Look at every child once; never waits."""
        now = self._clock()
        for kept in list(self._all()):
            if kept.command.log is not None:
                logs.cut(kept.command.log)
            if kept.leaves_by is not None:
                self._see_off(kept, now)
            elif kept.process is None:
                if now >= kept.due_at:
                    self._start_again(kept, now)
            elif (status := kept.process.status()) is not None:
                # What it forked goes with it: a worker without its master would keep the port.
                kept.process.kill_group()
                kept.process = None
                self._put_off(kept, f"{kept.command.name} {cause(status)}", now)

    def stop(self) -> None:
        """Stage by stage in reverse, the children of one stage at the same time."""
        while self._stages:
            running = [kept.process for kept in self._stages[-1] if kept.process]
            asked_at = time.monotonic()
            for process in running:
                process.ask_to_stop()
            for process in running:
                process.finish(time.monotonic() - asked_at)
            self._stages.pop()

    def _all(self) -> Iterator[_Kept]:
        return (kept for stage in self._stages for kept in stage)

    def _begin(self, command: Command) -> Process:
        process = processes.start(command)
        self._stages[-1].append(_Kept(command, process, self._clock()))
        return process

    def _see_off(self, kept: _Kept, now: float) -> None:
        assert kept.leaves_by is not None
        if kept.process is not None and kept.process.status() is None and now < kept.leaves_by:
            return
        if kept.process is not None:
            kept.process.kill_group()
            kept.process.wait(_KILLED_SECONDS_MAX)
        for stage in self._stages:
            if kept in stage:
                stage.remove(kept)

    def _start_again(self, kept: _Kept, now: float) -> None:
        try:
            kept.process = processes.start(kept.command)
        except StillHeld:
            return  # parts of the dead one still run; the next look may find them gone
        except NotStarted as fault:
            self._put_off(kept, fault.message, now)
        kept.started_at = now

    def _put_off(self, kept: _Kept, what: str, now: float) -> None:
        kept.delay_seconds = next_delay(kept.delay_seconds, now - kept.started_at)
        kept.due_at = now + kept.delay_seconds
        where = processes.where(kept.command, "; see ")
        self._say(f"{what}. It starts again in {kept.delay_seconds:g} s{where}")


def next_delay(previous_seconds: float, ran_seconds: float) -> float:
    """How long to wait before the next start: doubled each time, short again after a good run."""
    if previous_seconds == 0.0 or ran_seconds >= STEADY_SECONDS:
        return DELAY_SECONDS_MIN
    return min(previous_seconds * 2, DELAY_SECONDS_MAX)


def cause(status: int) -> str:
    """How a child ended, in words: its exit status, or minus the number of a signal."""
    if status < 0:
        return f"was ended by {_signal_name(-status)}"
    return f"ended with status {status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no name of their own
        return f"signal {number}"
