"""`waybill up` and `waybill demo` start the same stack and are ended the same way."""

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from console.connections import KEY, STORES
from console.pipeline.migrate import migrate_stores
from deploy import programs
from deploy.environment import external_url
from deploy.fleet import Fleet
from deploy.listen import Listen
from deploy.stack import Plan, Stack
from shared.clock import now_ms
from shared.errors import OperatorError
from shared.settings import Settings, check_settings, read_settings

READY_SECONDS_MAX = 30.0
_POLL_SECONDS = 0.05
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked to end; not an error, so nothing on the way may catch it as one."""


@dataclass(frozen=True)
class Extent:
    """Where programs answer, and how many workers empty the inbox."""

    listen: Listen
    workers: int
    console: Listen | None = None
    metrics: Listen | None = None


def plan_stack(
    data: Path,
    variables: Mapping[str, str],
    extent: Extent,
    say: Callable[[str], None],
    then: Callable[[Settings], None] = lambda _: None,
) -> Stack:
    """Everything, not started yet. `then` runs once the stores are prepared, before ingest.

    Raises OperatorError that names every fault of the settings, before anything is made.
    """
    check_settings(variables, added=(*STORES, KEY))

    def prepare_stores(_database_url: str, _redis_url: str) -> None:
        settings = read_settings(stack.environment)
        # Beside a PostgreSQL of its own no other version runs; beside another's one may.
        migrate_stores(settings, now_ms, finish=external_url(variables, "DATABASE_URL") is None)
        then(settings)

    console = (programs.console(extent.console),) if extent.console else ()
    pipeline = (programs.ingest(extent.listen), programs.workers(extent.workers))
    metrics = (programs.metrics(extent.metrics),) if extent.metrics else ()
    plan = Plan((*pipeline, *console, *metrics), prepare_stores)
    stack = Stack(data, variables, plan, say)  # which `prepare_stores` sees once it is entered
    return stack


def await_ready(stack: Stack) -> None:
    """Until ingest would take an event. Raises OperatorError when it does not come to that."""
    assert stack.url is not None
    deadline = time.monotonic() + READY_SECONDS_MAX
    while failing := _failing(stack.url):
        stack.watch()
        if time.monotonic() > deadline:
            raise OperatorError(
                f"Ingest is not ready after {READY_SECONDS_MAX:.0f} s: {', '.join(failing)}. "
                f"See {stack.folder.log_of('ingest')}."
            )
        time.sleep(_POLL_SECONDS)


def _failing(url: str) -> list[str]:
    """What /health/ready says is missing."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=READY_SECONDS_MAX)
    try:
        connection.request("GET", "/health/ready")
        return [str(part) for part in json.loads(connection.getresponse().read())["failing"]]
    except (OSError, HTTPException):
        return ["no answer"]
    finally:
        connection.close()


@contextmanager
def until_stopped() -> Iterator[None]:
    """What runs inside ends at the first SIGINT, SIGTERM or SIGHUP, which is then forgotten."""
    # Whoever started us with a signal ignored, as nohup does, wants it ignored.
    heeded = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _stop) for number in heeded}
    try:
        yield
    except Stopped:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Steps:
    """SIGTTIN asks for one worker more, SIGTTOU for one less, as gunicorn has it.

    They are counted by the signal's handler and taken by the loop that watches the children, which
    must not change while it looks at them.
    """

    def __init__(self) -> None:
        self._asked = 0

    def take(self) -> int:
        asked, self._asked = self._asked, 0
        return asked

    def more(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1

    def fewer(self, _number: int, _frame: FrameType | None) -> None:
        self._asked -= 1


@contextmanager
def counted_steps() -> Iterator[Steps]:
    steps = Steps()
    handlers = {signal.SIGTTIN: steps.more, signal.SIGTTOU: steps.fewer}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield steps
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def follow_steps(fleet: Fleet, steps: Steps, say: Callable[[str], None]) -> None:
    """Resize as was asked for since the last time."""
    if asked := steps.take():
        fleet.resize(fleet.count + asked)
        say(f"{fleet.count} workers.")


def _stop(_number: int, _frame: FrameType | None) -> None:
    # A second Ctrl-C must not break off the orderly stop, which has limits of its own.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise Stopped
