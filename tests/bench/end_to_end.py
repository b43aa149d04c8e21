"""Measures from request to row under sustained load: Waybill, Waybill with workers stopped,
baseline.

Everything shares the machine, nothing is pinned. A rate is the number of accepted events divided by
the time until the last of them was in PostgreSQL.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.bench.processes import Program
from tests.bench.product import BenchProduct, serving
from tests.bench.run import Run
from tests.bench.samples import P50, P99, RATE, Sample, Target, alternate
from tests.bench.stores import BenchValkey, one
from tests.bench.wrk import Load, Sent, send
from tests.system.servers import until

GROUP = "end to end"
UNIT = "events/s"
WAYBILL = "sustained, 1 ingest process, 1 worker"
KEPT_UP = "a load that one worker keeps up with, 2 connections"
STOPPED = "the same ingest process, workers stopped"
BASELINE = "one RQ job per event, 1 worker"
TOKEN = "baseline"
_SECONDS_MAX = 300
_BASELINE_SECONDS = 1  # of load: its one worker needs many times that to store it
_BASELINE_SERVER = (
    *("-m", "gunicorn", "-k", "gthread", "--threads", "8", "--keep-alive", "75"),
    *("--no-control-socket", "--log-level", "warning"),
)
_SCHEMA = Path(__file__).with_name("baseline") / "schema.sql"

# From the receipt, which holds the time of the request, to the commit of its user's attribution.
_LAG = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY
    extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000
    - ('x' || substr(replace(receipt::text, '-', ''), 1, 12))::bit(48)::bigint)
FROM attributions
"""

_COUNT = "SELECT count(*) FROM events"

TARGETS = (
    Target("end to end, sustained, against one RQ job per event", WAYBILL, BASELINE, 75),
    Target("end to end, sustained, against workers stopped", WAYBILL, STOPPED, 0.80),
)


def measure_end_to_end(run: Run) -> None:
    with run.valkey() as valkey, _baseline_valkey(run) as other:
        measures = {
            WAYBILL: lambda: _measure_sustained(run, valkey),
            STOPPED: lambda: _measure_without_workers(run, valkey),
            BASELINE: lambda: _baseline(run, other),
        }
        alternate(run.results, GROUP, UNIT, run.rounds_of_targets, measures)
        kept_up = {KEPT_UP: lambda: _measure_sustained(run, valkey, connections=2)}
        alternate(run.results, GROUP, UNIT, run.rounds, kept_up)
    run.results.targets += TARGETS


def _measure_sustained(run: Run, valkey: BenchValkey, connections: int = 64) -> Sample:
    with _fresh(run, valkey) as resources, resources.workers(1):
        with resources.ingest() as web:
            began = time.monotonic()
            load = Load(seconds=2 * run.seconds, connections=connections)
            sent = send(web.port, resources.token, load)
            left = resources.backlog()
            until(lambda: resources.backlog() == 0, _SECONDS_MAX, "the inbox emptying")
            seconds = time.monotonic() - began
        accepted = resources.accepted()
        lag = one(resources.database_url, _LAG)
        stored = one(resources.database_url, _COUNT)
    assert stored == accepted, f"{accepted} accepted, {stored} stored"
    return {
        RATE: accepted / seconds,
        P50: float(lag[0]),
        P99: float(lag[1]),
        "recorded_share": 1 - left / accepted,
        "accepted_rate": _rate(sent),
    }


def _measure_without_workers(run: Run, valkey: BenchValkey) -> Sample:
    with _fresh(run, valkey) as resources, resources.ingest() as web:
        return {RATE: _rate(send(web.port, resources.token, Load(seconds=2 * run.seconds)))}


def _baseline(run: Run, valkey: BenchValkey) -> Sample:
    url = run.postgres.make_database("baseline")
    with psycopg.connect(url) as connection:
        connection.execute(_SCHEMA.read_bytes())
        connection.execute("INSERT INTO tokens VALUES (%s, 1)", (TOKEN,))
    with valkey.client() as client:
        client.flushall()
    environment = {"BASELINE_DATABASE": url, "BASELINE_REDIS": valkey.url}
    application = "tests.bench.baseline.app:application()"
    worker = _baseline_worker(run, valkey, environment)
    with serving(
        "baseline", application, run.folder, environment, gunicorn=_BASELINE_SERVER
    ) as web:
        worker.start()
        try:
            began = time.monotonic()
            sent = send(web.port, TOKEN, Load(seconds=_BASELINE_SECONDS))
            with valkey.client() as client:
                until(lambda: client.llen("rq:queue:baseline") == 0, _SECONDS_MAX, "the jobs")
            until(lambda: one(url, _COUNT) >= sent.requests, _SECONDS_MAX, "the last job")
            seconds = time.monotonic() - began
        finally:
            worker.stop()
    return {RATE: one(url, _COUNT) / seconds, "accepted_rate": _rate(sent)}


def _baseline_worker(run: Run, valkey: BenchValkey, environment: dict[str, str]) -> Program:
    argv = ["-m", "rq.cli", "worker", "--worker-class", "rq.SimpleWorker", "--quiet", "baseline"]
    own = {"RQ_REDIS_URL": valkey.url, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    return Program(
        "baseline-worker",
        [sys.executable, *argv],
        run.folder / "baseline-worker.log",
        own,
        folder=run.folder,
    )


@contextmanager
def _fresh(run: Run, valkey: BenchValkey) -> Iterator[BenchProduct]:
    with valkey.client() as client:
        client.flushall()
    yield run.product_on(valkey, "end_to_end")


@contextmanager
def _baseline_valkey(run: Run) -> Iterator[BenchValkey]:
    """Starts a Valkey that does not wait for the disk, as Waybill's does."""
    with run.valkey("everysec") as valkey:
        yield valkey


def _rate(sent: Sent) -> float:
    assert sent.refused == 0, f"{sent.refused} of {sent.requests} were refused"
    return sent.per_second
