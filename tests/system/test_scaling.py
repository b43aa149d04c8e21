"""Tests that workers can be added and removed under load: nothing is lost, and none is idle while
events wait."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import redis

from tests.system.conftest import Watched
from tests.system.product import DRAIN_SECONDS_MAX, WAYBILL
from tests.system.servers import until
from tests.system.test_faults import count_rows, postback
from tests.system.traffic import send

EVENTS = 12_000
MORE_EVENTS = 2_000
WORKERS_MAX = 4
ALONE_EVENTS_MAX = 4_000  # two transactions: so many may wait for one worker
IDLE_SECONDS_MAX = 3.0
GRACE_SECONDS_MAX = 20.0
_LOOK_SECONDS = 0.05


@dataclass
class WorkerWatch:
    """Observations of every worker, made while more events waited than one worker is left with.

    `idle` is the longest time that one of them had no job, in seconds.
    """

    idle: float = 0.0
    _at_work: dict[bytes, float] = field(default_factory=dict)

    def look(self, store: "redis.Redis") -> None:
        now = time.monotonic()
        backlog = int(store.get("waybill:inbox:events") or 0)
        by_worker = states(store)
        for worker in {*self._at_work} - {*by_worker}:
            del self._at_work[worker]
        for worker, state in by_worker.items():
            if state == b"busy" or backlog <= ALONE_EVENTS_MAX:
                self._at_work[worker] = now
            self.idle = max(self.idle, now - self._at_work.setdefault(worker, now))


def states(store: Any) -> dict[bytes, bytes]:
    """Returns the state of each living worker by name; RQ keeps the dead for a while."""
    workers = {
        key: store.hmget(key, "state", "pid") for key in store.smembers("rq:workers:pipeline")
    }
    return {
        key: state
        for key, (state, pid) in workers.items()
        if state is not None and pid is not None and psutil.pid_exists(int(pid))
    }


@contextmanager
def looking(url: str) -> Iterator[WorkerWatch]:
    looks, stop = WorkerWatch(), threading.Event()
    store = redis.Redis.from_url(url)

    def run() -> None:
        while not stop.wait(_LOOK_SECONDS):
            looks.look(store)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield looks
    finally:
        stop.set()
        thread.join()
        store.close()


def registered_workers(watched: Watched) -> int:
    with redis.Redis.from_url(watched.redis.url) as store:
        return len(states(store))


@contextmanager
def workers(watched: Watched, count: int) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `waybill workers` beside the running product."""
    command = [WAYBILL, "--data", str(watched.waybill.data), "workers", "--count", str(count)]
    with subprocess.Popen(command, env=watched.waybill.environment) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def one_worker(watched: Watched) -> Iterator[None]:
    """Removes one of the two workers of `watched` by a signal, as an operator would, and brings it
    back."""
    for number, count in ((signal.SIGTTOU, 1), (signal.SIGTTIN, 2)):
        watched.waybill.process.send_signal(number)
        until(lambda: len(watched.waybill.children("rq.cli")) == count, 30, "as many workers")  # noqa: B023
        if count == 1:
            yield


def test_workers_are_scaled_from_one_to_four_and_back_and_lose_nothing(watched: Watched) -> None:
    with one_worker(watched):
        watched.postgres.stop(signal.SIGINT)  # at once: a worker holds a connection
        first = send(watched.port, [postback(watched.token, n) for n in range(EVENTS)])

        with workers(watched, WORKERS_MAX - 1) as process:
            until(
                lambda: registered_workers(watched) == WORKERS_MAX, 60, "four workers being there"
            )
            watched.postgres.start()
            with looking(watched.redis.url) as looks:
                numbers = range(EVENTS, EVENTS + MORE_EVENTS)
                more = send(watched.port, [postback(watched.token, n) for n in numbers])
                children = psutil.Process(process.pid).children()
                begun = time.monotonic()
                process.send_signal(signal.SIGTERM)
                status = process.wait(GRACE_SECONDS_MAX)
                stopped = time.monotonic() - begun
                took = watched.waybill.wait_until_drained()

    receipts = [*first.receipts(), *more.receipts()]
    rows = count_rows(watched.postgres.url, "SELECT count(*) FROM events")
    print(
        f"\n1 to 4 to 1 workers: {len(receipts)} answered, {rows} rows; idle for at most "
        f"{looks.idle:.2f} s beside waiting events; three stopped in {stopped:.1f} s; "
        f"inbox empty {took:.1f} s later"
    )
    assert (first.broken, more.broken, status) == (0, 0, 0)
    assert len(children) == WORKERS_MAX - 1
    assert not any(child.is_running() for child in children)
    assert rows == len(set(receipts)) == EVENTS + MORE_EVENTS
    assert looks.idle < IDLE_SECONDS_MAX
    assert took < DRAIN_SECONDS_MAX
