"""Measures the drain alone: an existing backlog, workers that drain it, and COPY for comparison."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from tests.bench.processes import Program
from tests.bench.product import ACCEPTED, BACKLOG, INBOX, BenchProduct
from tests.bench.run import FURNISHED, Run
from tests.bench.samples import CPU, POSTGRES_CPU, RATE, Sample, Target, alternate
from tests.bench.stores import BenchPostgres, BenchValkey, one
from tests.bench.wrk import PEOPLE, Load, send
from tests.system.servers import until

GROUP = "drain"
UNIT = "events/s"
KINDS = {
    "new": "new users",
    "returning": "returning users",
    "clicks": "clicks",
    "mix": "half clicks, half first events",
}
WORKERS = {"new": (1, 2, 4), "returning": (1, 2), "clicks": (1, 2), "mix": (1, 2)}
USERS = 10_000  # returning users
_RETURNING = 90 * PEOPLE  # numbers that no other load uses
_SECONDS_MAX = 900
DONE = 0.98  # of a backlog: the rest waits for a linger, which is not work
COPY_EVENTS, COPY_ALL = "indexed COPY into events", "indexed COPY of all rows that a drain writes"
_TABLES = (
    "users", "events", "signals", "sightings", "identities", "attributions", "sessions", "activity",
)  # fmt: skip

TARGETS = (
    Target(
        "drain of a backlog, one worker, against indexed COPY of the same rows",
        "new users, 1 worker",
        COPY_ALL,
        0.25,
        is_earlier=True,
    ),
)


@dataclass(frozen=True)
class Backlog:
    """A full inbox, set aside so that each sample starts from the same one."""

    stream: bytes
    events: int
    database: str  # the contents of PostgreSQL before it

    def put(self, valkey: BenchValkey) -> None:
        with valkey.client() as client:
            client.flushall()
            client.restore(INBOX, 0, self.stream)
            client.mset({BACKLOG: self.events, ACCEPTED: self.events})


def measure_drain(run: Run) -> None:
    """Measures by kind of event and number of workers, and the best that PostgreSQL does with the
    rows."""
    with run.valkey() as valkey:
        backlogs = {kind: fill(run, valkey, kind, run.drain_events) for kind in KINDS}
        measures = {
            f"{KINDS[kind]}, {count} worker{'s' if count > 1 else ''}": _measure(
                run, valkey, backlogs[kind], count
            )
            for kind in KINDS
            for count in WORKERS[kind]
        }
        targeted = "new users, 1 worker"
        rows = Rows.of(run, valkey, backlogs["new"])
        sides = {
            targeted: measures.pop(targeted),
            COPY_EVENTS: lambda: rows.copy(["events"]),
            COPY_ALL: lambda: rows.copy(_TABLES),
        }
        alternate(run.results, GROUP, UNIT, run.rounds_of_targets, sides)
        alternate(run.results, GROUP, UNIT, run.rounds, measures)
    run.results.targets += TARGETS


def _measure(run: Run, valkey: BenchValkey, backlog: Backlog, workers: int) -> Callable[[], Sample]:
    def measure() -> Sample:
        backlog.put(valkey)
        resources = run.product_on(valkey, "drained", backlog.database)
        with resources.workers(workers) as programs:
            return drain_rate(resources, run.postgres, programs)

    return measure


def drain_rate(
    resources: BenchProduct, postgres: BenchPostgres, workers: Sequence[Program]
) -> Sample:
    """Returns events a second, from enqueuing the first drain until nearly all are stored."""
    waiting = resources.backlog()
    enough = waiting * (1 - DONE)
    began_cpu = [program.cpu_seconds() for program in workers]
    postgres_began, began = postgres.cpu_seconds(), time.monotonic()
    for _ in workers:
        resources.ask_for_drain()
    until(lambda: resources.backlog() <= enough, _SECONDS_MAX, "the backlog falling")
    seconds = time.monotonic() - began
    stored = waiting - resources.backlog()
    used = sum(program.cpu_seconds() for program in workers) - sum(began_cpu)
    postgres_used = postgres.cpu_seconds() - postgres_began
    until(lambda: resources.backlog() == 0, _SECONDS_MAX, "the inbox emptying")
    return {
        RATE: stored / seconds,
        CPU: used / stored * 1e6,
        POSTGRES_CPU: postgres_used / stored * 1e6,
    }


def fill(run: Run, valkey: BenchValkey, kind: str, events: int) -> Backlog:
    """Fills the inbox as senders do, while no worker runs; returning users have been seen once."""
    with valkey.client() as client:
        client.flushall()
    resources = run.product_on(valkey, "filling")
    resources.empty_inbox()  # sets the share too: one stream has to hold the whole backlog
    database = FURNISHED
    if kind == "returning":
        introduce(resources, run.postgres, _RETURNING)
        database = "seen_once"
        run.postgres.make_database(database, "filling")
    receive(resources, Load(kind, 1, base=_RETURNING, users=USERS), events)
    return read_backlog(resources, database)


def read_backlog(resources: BenchProduct, database: str) -> Backlog:
    """Returns the present contents of the inbox."""
    with resources.valkey.client() as client:
        stream = client.dump(INBOX)
        assert isinstance(stream, bytes)
        return Backlog(stream, resources.backlog(), database)


def introduce(resources: BenchProduct, postgres: BenchPostgres, base: int) -> None:
    """Records an event of each of the users who will return."""
    receive(resources, Load("new", 1, first=base), USERS)
    with resources.workers(1) as programs:
        drain_rate(resources, postgres, programs)
    resources.empty_inbox()


def receive(resources: BenchProduct, load: Load, events: int) -> None:
    """Sends a second at a time; new people counted from a given number continue where they
    stopped."""
    with resources.ingest() as web:
        while (waiting := resources.backlog()) < events:
            given = load if load.first is None else replace(load, first=load.first + waiting)
            send(web.port, resources.token, given)


@dataclass(frozen=True)
class Rows:
    """The rows that a drain of a backlog has written, one file per table, to be copied again."""

    run: Run
    files: dict[str, Path]
    events: int

    @classmethod
    def of(cls, run: Run, valkey: BenchValkey, backlog: Backlog) -> "Rows":
        backlog.put(valkey)
        resources = run.product_on(valkey, "drained", backlog.database)
        with resources.workers(1) as programs:
            drain_rate(resources, run.postgres, programs)
        files = {}
        with psycopg.connect(resources.database_url) as connection:
            for table in _TABLES:
                files[table] = run.folder / f"{table}.copy"
                source = "(SELECT * FROM events)" if table == "events" else table
                with (
                    files[table].open("wb") as file,
                    connection.cursor().copy(f"COPY {source} TO STDOUT".encode()) as copy,
                ):
                    for part in copy:
                        file.write(part)
        return cls(run, files, int(one(resources.database_url, "SELECT count(*) FROM events")))

    def copy(self, tables: Sequence[str]) -> Sample:
        """Copies in transactions of as many rows as a drain's, so that commits cost the same."""
        url = self.run.postgres.make_database("copied", FURNISHED)
        began, cpu = time.monotonic(), self.run.postgres.cpu_seconds()
        with psycopg.connect(url) as connection:
            for table in tables:
                for lines in _batches(self.files[table], 2_000):
                    with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
                        copy.write(lines)
                    connection.commit()
        seconds = time.monotonic() - began
        used = self.run.postgres.cpu_seconds() - cpu
        return {RATE: self.events / seconds, POSTGRES_CPU: used / self.events * 1e6}


def _batches(path: Path, lines: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while batch := b"".join(itertools.islice(file, lines)):
            yield batch
