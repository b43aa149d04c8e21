"""Starts programs: the whole stack of `waybill up` and `waybill demo`, or one in our place.

Stacks end in the same way: at the first SIGINT, SIGTERM or SIGHUP, in order.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

from console.connections import KEY, STORES, CommandContext, program_environment
from console.pipeline.migrate import create_program_logins, migrate_stores
from deploy import programs
from deploy.environment import external_url
from deploy.fleet import Fleet
from deploy.listen import Listen
from deploy.programs import Program
from deploy.stack import Plan, Stack
from shared.access.access_urls import AccessFolder, Store
from shared.access.grantees import Grantee
from shared.clock import now_ms
from shared.errors import OperatorError
from shared.setting_sources import require_sound
from shared.settings import Settings, layers_of, read_each, read_settings

READY_SECONDS_MAX = 30.0
_POLL_SECONDS = 0.05
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal to end the program; not an error, so nothing on the way may catch it as one."""


@dataclass(frozen=True)
class StackOptions:
    """The addresses of the programs, and how many workers drain the inbox."""

    listen: Listen
    workers: int
    console: Listen | None = None
    metrics: Listen | None = None


def plan_stack(
    data: Path,
    variables: Mapping[str, str],
    options: StackOptions,
    say: Callable[[str], None],
    then: Callable[[Settings], None] = lambda _: None,
) -> Stack:
    """Returns the whole stack, not started yet.

    `then` runs once the stores are prepared, before ingest starts. Raises OperatorError
    that names every invalid setting, before anything is created.
    """
    check_settings(variables, added=(*STORES, KEY))

    def prepare_stores(_database_url: str, _redis_url: str) -> None:
        settings = read_settings(stack.environment)
        names = {Store.DATABASE: "DATABASE_URL", Store.REDIS: "REDIS_URL"}
        embedded = [store for store, name in names.items() if external_url(variables, name) is None]
        # Beside a PostgreSQL of its own no other version runs; beside another's one may.
        migrate_stores(settings, now_ms, finish=Store.DATABASE in embedded)
        create_program_logins(settings, AccessFolder(stack.folder.access), embedded)
        then(settings)

    console = (programs.console(options.console),) if options.console else ()
    pipeline = (programs.ingest(options.listen), programs.workers(options.workers))
    metrics = (programs.metrics(options.metrics),) if options.metrics else ()
    plan = Plan((*pipeline, *console, *metrics), prepare_stores)
    stack = Stack(data, variables, plan, say)  # which `prepare_stores` sees once it is entered
    return stack


def check_settings(variables: Mapping[str, str], added: Collection[str]) -> None:
    """Raises as `read_settings` does, but the variables `added` may still be unset."""
    layers = layers_of(variables)
    readings = [
        reading
        for reading in read_each(layers)
        if reading.found.text.strip() or reading.declared.variable not in added
    ]
    require_sound(layers, readings)


def await_ready(stack: Stack) -> None:
    """Waits until ingest accepts events. Raises OperatorError if it does not become ready."""
    assert stack.url is not None
    deadline = time.monotonic() + READY_SECONDS_MAX
    while failing := _failing_parts(stack.url):
        stack.watch()
        if time.monotonic() > deadline:
            raise OperatorError(
                f"Ingest is not ready after {READY_SECONDS_MAX:.0f} s: {', '.join(failing)}. "
                f"See {stack.folder.log_of('ingest')}."
            )
        time.sleep(_POLL_SECONDS)


def _failing_parts(url: str) -> list[str]:
    """Returns the failing parts that /health/ready lists."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=READY_SECONDS_MAX)
    try:
        connection.request("GET", "/health/ready")
        return [str(part) for part in json.loads(connection.getresponse().read())["failing"]]
    except (OSError, HTTPException):
        return ["no answer"]
    finally:
        connection.close()


def serve_here(context: CommandContext, program: Program, grantee: Grantee) -> NoReturn:
    """Replaces this command by the program, connected to the stores that run here.

    Raises OperatorError as `load_settings` does.
    """
    variables = program_environment(context, grantee)
    os.chdir("/")  # Python looks for modules in the current folder first: not in the caller's
    os.execve(program.argv[0], program.argv, variables)  # noqa: S606 - with its signals, by name


@contextmanager
def until_stopped() -> Iterator[None]:
    """Ends the block at the first SIGINT, SIGTERM or SIGHUP, and then carries on after it."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        # A second Ctrl-C must not interrupt the orderly stop, which has limits of its own.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    # Whoever started us with a signal ignored, as nohup does, wants it ignored.
    handled = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        yield
    except Stopped:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ResizeSignals:
    """A count of signals: SIGTTIN requests one worker more, SIGTTOU one fewer, as in gunicorn.

    The signals' handlers count them, and the loop that watches the children applies them, because
    the children must not change while it looks at them.
    """

    def __init__(self) -> None:
        self._change = 0

    def take(self) -> int:
        """Returns the change in workers since the last call."""
        change, self._change = self._change, 0
        return change

    def more(self, _number: int, _frame: FrameType | None) -> None:
        self._change += 1

    def fewer(self, _number: int, _frame: FrameType | None) -> None:
        self._change -= 1


@contextmanager
def resize_signals() -> Iterator[ResizeSignals]:
    """Counts SIGTTIN and SIGTTOU in the block."""
    signals = ResizeSignals()
    handlers = {signal.SIGTTIN: signals.more, signal.SIGTTOU: signals.fewer}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def apply_resize(fleet: Fleet, signals: ResizeSignals, say: Callable[[str], None]) -> None:
    """Resizes the fleet by what was requested since the last call."""
    if change := signals.take():
        fleet.resize(fleet.count + change)
        say(f"{fleet.count} workers.")
