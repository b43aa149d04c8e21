"""Measures the CPU of everything, from the request to the row: Waybill, and what one would write.

Server, workers, Redis and PostgreSQL are counted together, from the first request until the last
row stands. Nothing is pinned. Waybill is measured by single requests and by batches; its rivals
(`rivals/`) either only store the event, or decide in SQL.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.bench.processes import Program
from tests.bench.product import serving
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
IN_SQL = "FastAPI with user, session and attribution in SQL"
TOKEN = "rival"
_SECONDS_MAX = 300
_LAST_COMMITS_SECONDS = 0.3  # of requests whose answer wrk did not wait for
_HERE = Path(__file__).parent
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
        "new users, 1 worker",
        0.85,
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
        }

    def _cpu_seconds(self) -> tuple[float, float, float]:
        own = sum(program.cpu_seconds() for program in self.programs)
        redis = 0.0 if self.valkey is None else self.valkey.cpu_seconds()
        return own, redis, self.postgres.cpu_seconds()


def measure_whole_stack(run: Run) -> None:
    """Measures Waybill and its rivals in turns, with events of new users."""
    single, batched = Load(seconds=run.seconds), Load("batch500", run.seconds, connections=4)
    with run.valkey() as valkey:
        measures = {
            WAYBILL: lambda: _measure_waybill(run, valkey, single),
            BATCHED: lambda: _measure_waybill(run, valkey, batched),
            STORE_ONLY: lambda: _measure_rival(run, "store_only", "rival_events"),
            IN_SQL: lambda: _measure_rival(run, "in_sql", "events"),
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
