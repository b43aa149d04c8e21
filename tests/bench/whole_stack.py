"""Measures the CPU of everything, from the request to the row: Waybill, and what one would write.

Server, workers, Redis and PostgreSQL are counted together, from the first request until the last
row stands. Nothing is pinned. Waybill is measured by single requests, by batches, and by the same
batches that all wait before a worker begins, which is the drain alone. Its rivals (`rivals/`,
`baseline/`) only store the event, decide in SQL, or have a job for each event.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.bench.processes import Program
from tests.bench.product import ROOT, serving
from tests.bench.run import Run
from tests.bench.samples import (
    CPU,
    P50,
    P99,
    POSTGRES_CPU,
    RATE,
    REDIS_CPU,
    STACK_CPU,
    Sample,
    Target,
    alternate,
)
from tests.bench.stores import BenchPostgres, BenchValkey, one
from tests.bench.wrk import Load, send
from tests.system.servers import until

GROUP = "whole stack"
UNIT = "events/s"
WAYBILL = "request to attributed row"
BATCHED = "/batch of 500 to attributed rows"
STORE_ONLY = "FastAPI and COPY group commit, which only stores"
DRAIN = "the same batches, all there before the worker begins"
IN_SQL = "FastAPI with user, session and attribution in SQL"
BASELINE = "one RQ job per event, 1 worker"
TOKEN = "rival"
_SECONDS_MAX = 300
_LAST_COMMITS_SECONDS = 0.3  # of requests whose answer wrk did not wait for
_HERE = Path(__file__).parent
_BASELINE_SECONDS = 1  # of load: its one worker needs many times that to store it
_BASELINE_SERVER = (
    *("-m", "gunicorn", "-k", "gthread", "--threads", "8", "--keep-alive", "75"),
    *("--no-control-socket", "--log-level", "warning"),
)
_SCHEMAS = (_HERE / "baseline/schema.sql", _HERE / "rivals/schema.sql")
_SERVER = (
    "-m",
    "gunicorn",
    "-k",
    "uvicorn_worker.UvicornWorker",
    "--keep-alive",
    "75",
    "--log-level",
    "warning",
)

TARGETS = (
    Target(
        "whole-stack CPU per event against FastAPI and COPY, which only stores",
        WAYBILL,
        STORE_ONLY,
        1.35,
        is_ceiling=True,
        key=STACK_CPU,
    ),
    Target(
        "whole-stack CPU per event against FastAPI with everything in SQL",
        WAYBILL,
        IN_SQL,
        0.5,
        is_ceiling=True,
        key=STACK_CPU,
    ),
    Target(
        "end to end, sustained, by /batch, against the drain alone",
        BATCHED,
        DRAIN,
        0.85,
    ),
    Target(
        "end to end, sustained, against one RQ job per event",
        WAYBILL,
        BASELINE,
        75,
        is_earlier=True,
    ),
)


@dataclass(frozen=True)
class Stack:
    """A running stack: its own programs, its stores, and how to tell how many rows stand."""

    programs: Sequence[Program]
    port: int
    token: str
    postgres: BenchPostgres
    valkey: BenchValkey | None
    await_rows: Callable[[], int]

    def measure(self, load: Load) -> Sample:
        began_at, began = time.monotonic(), self._cpu_seconds()
        sent = send(self.port, self.token, load)
        assert sent.refused == 0, f"{sent.refused} of {sent.requests} were refused"
        rows = self.await_rows()
        seconds = time.monotonic() - began_at
        assert rows >= sent.requests, f"{sent.requests} answered, {rows} stored"
        own, redis, postgres = (
            (ended - before) / rows * 1e6
            for ended, before in zip(self._cpu_seconds(), began, strict=True)
        )
        return {
            RATE: rows / seconds,
            P50: sent.p50_ms,
            P99: sent.p99_ms,
            CPU: own,
            REDIS_CPU: redis,
            POSTGRES_CPU: postgres,
            STACK_CPU: own + redis + postgres,
            "accepted_rate": sent.per_second,
        }

    def _cpu_seconds(self) -> tuple[float, float, float]:
        own = sum(program.cpu_seconds() for program in self.programs)
        redis = 0.0 if self.valkey is None else self.valkey.cpu_seconds()
        return own, redis, self.postgres.cpu_seconds()


def measure_whole_stack(run: Run) -> None:
    """Measures Waybill and its rivals in turns, with events of new users."""
    # A second of batches is several of a drain.
    single = Load(seconds=run.seconds)
    batched = Load("batch500", max(1, run.seconds // 2), connections=4)
    with run.valkey() as valkey, run.valkey("everysec") as other:
        measures = {
            WAYBILL: lambda: _measure_waybill(run, valkey, single),
            BATCHED: lambda: _measure_waybill(run, valkey, batched),
            DRAIN: lambda: _measure_drain(run, valkey, batched),
            STORE_ONLY: lambda: _measure_rival(run, "store_only", "rival_events"),
            IN_SQL: lambda: _measure_rival(run, "in_sql", "events"),
            BASELINE: lambda: _measure_baseline(run, other),
        }
        alternate(run.results, GROUP, UNIT, run.rounds_of_targets, measures)
    run.results.targets += TARGETS


def _measure_waybill(run: Run, valkey: BenchValkey, load: Load) -> Sample:
    with valkey.client() as client:
        client.flushall()
    product = run.product_on(valkey, "whole_stack")

    def await_rows() -> int:
        until(lambda: product.backlog() == 0, _SECONDS_MAX, "the inbox emptying")
        return product.accepted()

    with product.workers(1) as workers, product.ingest() as web:
        programs = [web.program, *workers]
        stack = Stack(programs, web.port, product.token, run.postgres, valkey, await_rows)
        sample = stack.measure(load)
    assert product.accepted() == one(product.database_url, "SELECT count(*) FROM events")
    return sample


def _measure_drain(run: Run, valkey: BenchValkey, load: Load) -> Sample:
    """Measures a worker alone, until the last row stands, with the events of such a load."""
    with valkey.client() as client:
        client.flushall()
    product = run.product_on(valkey, "whole_stack")
    with product.ingest() as web:
        sent = send(web.port, product.token, load)
        assert sent.refused == 0
    with product.workers(1):
        began, waiting = time.monotonic(), product.backlog()
        product.ask_for_drain()
        until(lambda: product.backlog() == 0, _SECONDS_MAX, "the inbox emptying")
        return {RATE: waiting / (time.monotonic() - began)}


def _measure_rival(run: Run, name: str, table: str) -> Sample:
    url = run.postgres.make_database(name)
    with psycopg.connect(url) as connection:
        for schema in _SCHEMAS:
            connection.execute(schema.read_bytes())

    def count_rows() -> int:
        time.sleep(_LAST_COMMITS_SECONDS)
        return int(one(url, f"SELECT count(*) FROM {table}"))

    environment = {"RIVAL_DATABASE": url, "RIVAL_TOKEN": TOKEN}
    application = f"tests.bench.rivals.{name}:app"
    with serving(name, application, run.folder, environment, gunicorn=_SERVER) as web:
        stack = Stack([web.program], web.port, TOKEN, run.postgres, None, count_rows)
        return stack.measure(Load(seconds=run.seconds))


def _measure_baseline(run: Run, valkey: BenchValkey) -> Sample:
    """Measures one RQ job per event, on a Valkey that does not wait for the disk."""
    url = run.postgres.make_database("baseline")
    with psycopg.connect(url) as connection:
        connection.execute(_SCHEMAS[0].read_bytes())
        connection.execute("INSERT INTO tokens VALUES (%s, 1)", (TOKEN,))
    with valkey.client() as client:
        client.flushall()
    environment = {"BASELINE_DATABASE": url, "BASELINE_REDIS": valkey.url}
    application = "tests.bench.baseline.app:application()"
    worker = _baseline_worker(run, valkey, environment)

    def await_rows() -> int:
        with valkey.client() as client:
            until(lambda: client.llen("rq:queue:baseline") == 0, _SECONDS_MAX, "the jobs")
        time.sleep(_LAST_COMMITS_SECONDS)
        return int(one(url, "SELECT count(*) FROM events"))

    with serving(
        "baseline", application, run.folder, environment, gunicorn=_BASELINE_SERVER
    ) as web:
        worker.start()
        try:
            stack = Stack([web.program, worker], web.port, TOKEN, run.postgres, valkey, await_rows)
            return stack.measure(Load(seconds=_BASELINE_SECONDS))
        finally:
            worker.stop()


def _baseline_worker(run: Run, valkey: BenchValkey, environment: dict[str, str]) -> Program:
    argv = ["-m", "rq.cli", "worker", "--worker-class", "rq.SimpleWorker", "--quiet", "baseline"]
    own = {"RQ_REDIS_URL": valkey.url, "PYTHONPATH": str(ROOT), **environment}
    return Program(
        "baseline-worker",
        [sys.executable, *argv],
        run.folder / "baseline-worker.log",
        own,
        folder=run.folder,
    )
