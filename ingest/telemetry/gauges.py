"""What is read of an ingest process for its metrics, and not counted."""

from dataclasses import dataclass

from ingest.batcher import Batcher
from ingest.credentials import CredentialStore
from ingest.gate import Gate
from ingest.health import ReadinessProbe
from ingest.watch import Watch
from shared import metrics
from shared.tally import MetricSeries, gauge


@dataclass(frozen=True, slots=True)
class Gauges:
    grants: CredentialStore
    gate: Gate
    watch: Watch
    batcher: Batcher
    ready: ReadinessProbe

    def read(self) -> list[MetricSeries]:
        parts = self.ready.parts().items()
        return [
            gauge(metrics.WAITING_REQUESTS, self.batcher.waiting),
            gauge(metrics.SNAPSHOT_VERSION, self.grants.version or 0),
            gauge(metrics.SNAPSHOT_AGE, self.watch.confirmed_seconds_ago),
            gauge(metrics.SHEDDING, int(self.gate.shedding)),
            *(gauge(metrics.READY, int(is_well), part) for part, is_well in parts),
        ]
