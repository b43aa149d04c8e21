"""Ingest by batches: what an event costs in one of 50 and of 500, beside a request of its own."""

from dataclasses import dataclass

from tests.bench.processes import Cores, pinned_cores
from tests.bench.product import BenchProduct, Web
from tests.bench.run import Run
from tests.bench.samples import CPU, P50, P99, RATE, REDIS_CPU, Sample, Target, alternate
from tests.bench.wrk import Load, send

GROUP = "batches"
SINGLE = "a request for each event"
TARGETS = (
    Target(
        "ingest CPU of a request for each event against an event of a batch of 500",
        SINGLE,
        "/batch of 500 events",
        10,
        key=CPU,
    ),
)
_CONNECTIONS = {1: 64, 50: 8, 500: 4}  # about as many events under way, but for the last


@dataclass
class BatchSide:
    """One ingest process that gets `size` events a request."""

    web: Web
    resources: BenchProduct
    cores: Cores
    size: int

    def measure(self, seconds: int) -> Sample:
        valkey = self.resources.valkey
        kind = "new" if self.size == 1 else f"batch{self.size}"
        load = Load(kind, seconds, _CONNECTIONS[self.size])
        began, redis_began = self.web.program.cpu_seconds(), valkey.cpu_seconds()
        sent = send(self.web.port, self.resources.token, load, self.cores.others)
        used, redis_used = self.web.program.cpu_seconds(), valkey.cpu_seconds()
        events = sent.requests * self.size
        assert sent.refused == 0
        assert self.resources.accepted() >= events, "a batch was answered and not stored"
        self.resources.empty_inbox()
        self.web.program.check()
        return {
            RATE: events / sent.seconds,
            P50: sent.p50_ms,
            P99: sent.p99_ms,
            CPU: (used - began) / events * 1e6,
            REDIS_CPU: (redis_used - redis_began) / events * 1e6,
        }


def measure_batches(run: Run) -> None:
    """The same ingest process by single requests and by batches, in turns."""
    cores = pinned_cores()
    with (
        run.resources("always", cores.others) as resources,
        resources.ingest(cores.server) as web,
    ):
        sides = {
            name: BatchSide(web, resources, cores, size)
            for name, size in (
                (SINGLE, 1),
                ("/batch of 50 events", 50),
                ("/batch of 500 events", 500),
            )
        }
        measures = {
            name: lambda side=side: side.measure(run.seconds) for name, side in sides.items()
        }
        alternate(run.results, GROUP, "events/s", run.rounds_of_targets, measures)
    run.results.targets += TARGETS
