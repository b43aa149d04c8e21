"""Measures a large backlog: how it fills, its memory in Redis, and how fast it is drained.

Also measures the start: from nothing to the first accepted event.
"""

import json
import time
import urllib.request

from tests.bench.drain import drain_rate
from tests.bench.product import BACKLOG, INBOX, BenchProduct
from tests.bench.run import Run
from tests.bench.samples import RATE, Sample, Target, alternate
from tests.bench.stores import BenchValkey
from tests.bench.wrk import Load, send
from tests.system.product import Waybill
from tests.system.servers import until

GROUP = "a backlog"
FILLED = "filled by ingest, no worker"
MEMORY = "Redis memory an event, 64 connections"
ALONE = "Redis memory an event, 1 connection"
SHARE = "Redis memory against the event's own bytes"
DRAINED = "worked off by 2 workers"
_ALONE_SECONDS = 2

TARGETS = (
    Target(
        "Redis bytes a queued event against its own",
        SHARE,
        None,
        1.5,
        is_ceiling=True,
        is_earlier=True,
    ),
)


def measure_backlog(run: Run) -> None:
    """Fills the backlog over 64 connections, then drains it with two workers."""
    with run.valkey() as valkey:
        resources = run.product_on(valkey, "backlog")
        alone, _ = _memory(resources, Load("mix", _ALONE_SECONDS, connections=1), 1)
        run.results.add(GROUP, ALONE, "bytes", {RATE: alone})
        resources.empty_inbox()
        began = time.monotonic()
        bytes_an_event, own = _memory(resources, Load("mix", 10 * run.seconds), run.backlog_events)
        filled = resources.accepted() / (time.monotonic() - began)
        run.results.add(GROUP, FILLED, "events/s", {RATE: filled})
        run.results.add(GROUP, MEMORY, "bytes", {RATE: bytes_an_event})
        run.results.add(GROUP, SHARE, "times", {RATE: bytes_an_event / own})
        with resources.workers(2) as programs:
            sample = drain_rate(resources, run.postgres, programs)
        run.results.add(GROUP, DRAINED, "events/s", sample)
    run.results.targets += TARGETS


def _memory(resources: BenchProduct, load: Load, events: int) -> tuple[float, float]:
    """Returns bytes per event in Redis, and on the wire between ingest and workers."""
    with resources.valkey.client() as client:
        before = int(client.info("memory")["used_memory"])
        with resources.ingest() as web:
            while resources.backlog() < events:
                send(web.port, resources.token, load)
        used = int(client.info("memory")["used_memory"]) - before
        waiting = int(client.get(BACKLOG) or 0)
        sampled = client.xrange(INBOX, count=200)
    own = sum(len(fields[b"e"]) for _, fields in sampled)
    return used / waiting, own / sum(int(fields[b"n"]) for _, fields in sampled)


COLD = "ingest alone, stores running"
COLD_ALL = "waybill up in an empty folder, with its first app and token"
START = "to the first accepted event"


def measure_start(run: Run) -> None:
    with run.valkey() as valkey:
        measures = {
            COLD: lambda: _cold_ingest(run, valkey),
            COLD_ALL: lambda: _cold_everything(run),
        }
        alternate(run.results, START, "seconds", run.rounds, measures)


def _cold_ingest(run: Run, valkey: BenchValkey) -> Sample:
    resources = run.product_on(valkey, "cold")
    began = time.monotonic()
    with resources.ingest() as web:
        _first_event(web.port, resources.token)
        return {RATE: time.monotonic() - began}


def _cold_everything(run: Run) -> Sample:
    folder = run.folder / f"cold-{time.monotonic_ns()}"
    began = time.monotonic()
    waybill = Waybill(folder)
    try:
        waybill.wait_until_ready()
        waybill.json("app", "create", "--name", "Shop")
        token = waybill.json("token", "create", "--app", "Shop", "--name", "backend")
        _first_event(waybill.port, token["secret"])
        return {RATE: time.monotonic() - began}
    finally:
        waybill.stop()


def _first_event(port: int, token: str) -> None:
    address = f"http://127.0.0.1:{port}/postback?s2s_token={token}&user_id=u&event_id=purchase"

    def accepted() -> bool:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(json.load(answer)["status"] == "ok")
        except OSError:
            return False

    until(accepted, 40, "the first event being accepted")
