"""Measures from request to row under sustained load: Waybill, and Waybill with workers stopped.

Everything shares the machine, nothing is pinned. A rate is the number of accepted events divided by
the time until the last of them was in PostgreSQL.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.product import BenchProduct
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
_SECONDS_MAX = 300

# From the receipt, which holds the time of the request, to the commit of its user's attribution.
_LAG = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY
    extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000
    - ('x' || substr(replace(receipt::text, '-', ''), 1, 12))::bit(48)::bigint)
FROM attributions
"""

_COUNT = "SELECT count(*) FROM events"

TARGETS = (
    Target(
        "end to end, sustained, against workers stopped", WAYBILL, STOPPED, 0.80, is_earlier=True
    ),
)


def measure_end_to_end(run: Run) -> None:
    with run.valkey() as valkey:
        measures = {
            WAYBILL: lambda: _measure_sustained(run, valkey),
            STOPPED: lambda: _measure_without_workers(run, valkey),
            KEPT_UP: lambda: _measure_sustained(run, valkey, connections=2),
        }
        alternate(run.results, GROUP, UNIT, run.rounds, measures)
    run.results.targets += TARGETS


def _measure_sustained(run: Run, valkey: BenchValkey, connections: int = 64) -> Sample:
    with _fresh(run, valkey) as resources, resources.workers(1):
        with resources.ingest() as web:
            began = time.monotonic()
            load = Load(seconds=run.seconds, connections=connections)
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
        return {RATE: _rate(send(web.port, resources.token, Load(seconds=run.seconds)))}


@contextmanager
def _fresh(run: Run, valkey: BenchValkey) -> Iterator[BenchProduct]:
    with valkey.client() as client:
        client.flushall()
    yield run.product_on(valkey, "end_to_end")


def _rate(sent: Sent) -> float:
    assert sent.refused == 0, f"{sent.refused} of {sent.requests} were refused"
    return sent.per_second
