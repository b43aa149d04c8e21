"""Reads the metrics of an ingest process that are measured rather than counted."""

from dataclasses import dataclass

from ingest.batcher import Batcher
from ingest.credential_store import CredentialStore
from ingest.gate import Gate
from ingest.health import ReadinessProbe
from ingest.watch import Watch
from shared import metrics
from shared.tally import MetricSeries, gauge


@dataclass(frozen=True, slots=True)
class Gauges:
    """The parts of a process that gauges are read from."""

    credential_store: CredentialStore
    gate: Gate
    watch: Watch
    batcher: Batcher
    ready: ReadinessProbe

    def read(self) -> list[MetricSeries]:
        """Reads all gauges as they are at this moment."""
        return [
            gauge(metrics.WAITING_REQUESTS, self.batcher.waiting),
            gauge(metrics.SNAPSHOT_VERSION, self.credential_store.version or 0),
            gauge(metrics.SNAPSHOT_AGE, self.watch.confirmed_seconds_ago),
            gauge(metrics.SHEDDING, int(self.gate.shedding)),
            *(
                gauge(metrics.READY, int(is_well), part)
                for part, is_well in self.ready.parts().items()
            ),
        ]
