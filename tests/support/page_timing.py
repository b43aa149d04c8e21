"""Requests pages of the console again and again, and says how long they took and how much CPU."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection

import psutil

from deploy.listen import Listen

REQUESTS = 9


@dataclass(frozen=True)
class Page:
    """A path, and how it is asked for."""

    path: str
    headers: dict[str, str]
    is_stream: bool = False


@dataclass(frozen=True)
class Timing:
    """The times of a page until its last byte, of a stream until its first, and the CPU of each."""

    page: Page
    took_ms: list[float]
    console_ms: float
    postgres_ms: float

    @property
    def median_ms(self) -> float:
        return statistics.median(self.took_ms)

    @property
    def high_ms(self) -> float:
        return statistics.quantiles(self.took_ms, n=20)[-1]


def measure(listen: Listen, page: Page, pids: Sequence[int]) -> Timing:
    """Requests a page once, and then again and again. Raises RuntimeError if it is refused.

    `pids` are those of the console and of PostgreSQL.
    """
    _request(listen, page)
    before = [_cpu_seconds(pid) for pid in pids]
    times = [_request(listen, page) for _ in range(REQUESTS)]
    after = [_cpu_seconds(pid) for pid in pids]
    console_ms, postgres_ms = (
        (end - begin) * 1000 / REQUESTS for begin, end in zip(before, after, strict=True)
    )
    return Timing(page, times, console_ms, postgres_ms)


def _request(listen: Listen, page: Page) -> float:
    connection = HTTPConnection(listen.host, listen.port, timeout=300)
    began_at = time.perf_counter()
    try:
        connection.request("GET", page.path, headers=page.headers)
        response = connection.getresponse()
        response.read(1 if page.is_stream else None)
        if response.status != 200:
            raise RuntimeError(f"{page.path}: {response.status}")
        return (time.perf_counter() - began_at) * 1000
    finally:
        connection.close()


def _cpu_seconds(pid: int) -> float:
    """Returns what a program has taken so far, with its children."""
    total, parent = 0.0, psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system
    return total
