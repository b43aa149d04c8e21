"""Sends with wrk (Debian's package of that name) and reads what it measured."""

import itertools
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("requests.lua")
# People of one load never meet those of another, unless a bench wants them to.
_people = itertools.count(1)
PEOPLE = 10_000_000


@dataclass(frozen=True)
class Load:
    """A load: what to send, and for how long. New people are counted from `first`, by default from
    where no other load begins; returning ones are `users` people from `base` on.
    """

    kind: str = "new"
    seconds: int = 4
    connections: int = 64
    keep_alive: bool = True
    first: int | None = None
    base: int = 0
    users: int = 20_000


@dataclass(frozen=True)
class Sent:
    """The result of a load, in milliseconds; `refused` are answers of 400 and above."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def send(port: int, token: str, load: Load, cores: str | None = None) -> Sent:
    first = next(_people) * PEOPLE if load.first is None else load.first
    prefix = [] if cores is None else ["taskset", "-c", cores]
    threads = ["-t1", f"-c{load.connections}", f"-d{load.seconds}s", "--timeout", "10s"]
    ending = [] if load.keep_alive else ["close"]
    script = ["--", load.kind, token, str(first), str(load.base), str(load.users), *ending]
    done = subprocess.run(
        [*prefix, "wrk", *threads, "-s", str(SCRIPT), f"http://127.0.0.1:{port}/", *script],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return Sent(**json.loads(line.removeprefix("RESULT ")))
