"""Measures ingest alone: against an ideal handler, by connections, and by how often Redis syncs.

The bare application and Falcon's empty route promise nothing, and are there for orientation.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from tests.bench.processes import Cores, Program, pinned_cores
from tests.bench.product import INBOX, SERVER, BenchProduct, Web, serving
from tests.bench.run import Run
from tests.bench.samples import CPU, P50, P99, RATE, REDIS_CPU, Sample, Target, alternate
from tests.bench.stores import FSYNC, BenchValkey
from tests.bench.wrk import Load, Sent, send

GROUP = "ingest"
CONNECTIONS = (16, 64, 256)
UNIT = "requests/s"
BARE, FALCON = "bare ASGI app", "Falcon, one empty route"
STOCK = "bare ASGI app, uvicorn's own worker class"
IDEAL = "an ideal Falcon handler, AOF always"
IDEAL_TOKEN = "ideal"
MEASURED = "ingest, AOF always"
# Endpoints beside `/postback`, by what is sent.
ENDPOINTS = {"event": "Adjust's /event", "session": "Adjust's /session", "clicks": "/click"}
_STOCK_SERVER = ("-m", "gunicorn", "-k", "uvicorn_worker.UvicornWorker", "--keep-alive", "75")

TARGETS = (
    Target(
        "ingest CPU of the ideal Falcon handler against ingest's",
        IDEAL,
        MEASURED,
        0.75,
        key=CPU,
    ),
    Target(
        "p99 of ingest against the ideal handler's",
        MEASURED,
        IDEAL,
        1.5,
        is_ceiling=True,
        key=P99,
    ),
    Target("AOF always against none", MEASURED, "ingest, AOF none", 0.85, is_earlier=True),
)


@dataclass
class Side:
    """A server under load; with a Valkey, what it accepts is counted and thrown away."""

    web: Web
    resources: BenchProduct | None
    cores: Cores
    ideal: BenchValkey | None = None  # of the ideal handler

    def measure(self, load: Load) -> Sample:
        valkey = self.resources.valkey if self.resources else self.ideal
        token = self.resources.token if self.resources else IDEAL_TOKEN
        began, redis_began = self.web.program.cpu_seconds(), _cpu(valkey)
        sent = send(self.web.port, token, load, self.cores.others)
        used, redis_used = self.web.program.cpu_seconds(), _cpu(valkey)
        sample = {
            RATE: sent.per_second,
            P50: sent.p50_ms,
            P99: sent.p99_ms,
            CPU: (used - began) / sent.requests * 1e6,
        }
        if valkey is not None:
            sample[REDIS_CPU] = (redis_used - redis_began) / sent.requests * 1e6
        if self.ideal is not None:
            with self.ideal.client() as client:
                client.flushall()
        if self.resources:
            sample["events_per_flush"] = _events_per_flush(self.resources)
            assert self.resources.accepted() >= sent.requests, "an event was answered, not stored"
            self.resources.empty_inbox()
        _check(sent, self.web.program)
        return sample


def _cpu(valkey: BenchValkey | None) -> float:
    return valkey.cpu_seconds() if valkey else 0.0


def _events_per_flush(resources: BenchProduct) -> float:
    with resources.valkey.client() as client:
        entries = client.xlen(INBOX)
    return resources.accepted() / max(1, int(entries))


def _check(sent: Sent, program: Program) -> None:
    assert sent.refused == 0, f"{sent.refused} of {sent.requests} were refused by {program.name}"
    program.check()


def measure_ceilings(run: Run) -> None:
    """Measures the product beside the bare application and Falcon, on one server class."""
    with _sides(run) as sides:
        load = Load(seconds=run.seconds)
        measures = {name: lambda side=side: side.measure(load) for name, side in sides.items()}
        for kind, endpoint in ENDPOINTS.items():
            own = replace(load, kind=kind)
            measures[f"ingest, AOF always, {endpoint}"] = partial(sides[MEASURED].measure, own)
        alternate(run.results, GROUP, UNIT, run.rounds_of_targets, measures)
    run.results.targets += TARGETS


def measure_matrix(run: Run) -> None:
    """Measures by connections, keep-alive and AOF."""
    with _sides(run, ceilings=False) as sides:
        loads = {
            f"{count} connections, {'keep-alive' if keep else 'a connection each'}": Load(
                seconds=max(1, run.seconds // 2), connections=count, keep_alive=keep
            )
            for count in CONNECTIONS
            for keep in (True, False)
        }
        measures = {
            f"{name}, {shape}": lambda side=side, load=load: _measure_side(side, load)
            for name, side in sides.items()
            for shape, load in loads.items()
        }
        alternate(run.results, "ingest by connections", UNIT, run.rounds, measures)


def _measure_side(side: Side, load: Load) -> Sample:
    sample = side.measure(load)
    if not load.keep_alive:
        time.sleep(0.5)  # closed connections are swept up
    return sample


@contextmanager
def _sides(run: Run, *, ceilings: bool = True) -> Iterator[dict[str, Side]]:
    cores = pinned_cores()
    with ExitStack() as stack:
        sides: dict[str, Side] = {}
        if ceilings:
            for name, server in _ceilings(run, cores).items():
                sides[name] = Side(stack.enter_context(server), None, cores)
            sides[IDEAL] = stack.enter_context(_ideal(run, cores))
        for fsync in ("always", "none") if ceilings else FSYNC:
            resources = stack.enter_context(run.resources(fsync, cores.others))
            web = stack.enter_context(resources.ingest(cores.server))
            sides[f"ingest, AOF {fsync}"] = Side(web, resources, cores)
        yield sides


def _ceilings(run: Run, cores: Cores) -> dict[str, AbstractContextManager[Web]]:
    def server(file: str, application: str, *gunicorn: str) -> AbstractContextManager[Web]:
        module = f"tests.bench.ceilings.{application}:app"
        return serving(file, module, run.folder, {}, cores.server, gunicorn or SERVER)

    return {
        STOCK: server("stock", "bare", *_STOCK_SERVER),
        BARE: server("bare", "bare"),
        FALCON: server("falcon", "falcon_route"),
    }


@contextmanager
def _ideal(run: Run, cores: Cores) -> Iterator[Side]:
    """Yields the ideal handler, on ingest's own server class and on a Valkey like ingest's."""
    with run.valkey("always", cores.others) as valkey:
        environment = {"IDEAL_REDIS": valkey.url, "IDEAL_TOKEN": IDEAL_TOKEN}
        application = "tests.bench.ceilings.ideal:application()"
        with serving("ideal", application, run.folder, environment, cores.server) as web:
            yield Side(web, None, cores, valkey)
