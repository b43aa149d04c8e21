"""What one ingest process counts, and how it shows what all of them have counted.

On the way of a request it is one call; everything else happens once a second or when asked.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from falcon.asgi import Request, Response

from ingest.telemetry.shared_counts import SharedCounts
from shared import exposition, metrics
from shared.metrics import NO_REASON, Source
from shared.tally import Counter, MetricSeries, Tally, gauge, merged

_PAUSE_SECONDS = 1.0


class EndpointCounts:
    """Of one path. A label's value is one of ours: the path as it is routed, a code of an error."""

    __slots__ = ("_answers", "_labels", "_lost", "_seconds", "_tally")

    def __init__(self, tally: Tally, path: str, dialect: str) -> None:
        self._tally = tally
        self._labels = (path, dialect)
        self._seconds = tally.histogram(metrics.REQUEST_SECONDS, path)
        self._lost = tally.counter(metrics.CLICKS_LOST)
        self._answers: dict[tuple[int, str], Counter] = {}

    def accepted(self, status: int, begun: float) -> None:
        """`begun` as `monotonic` has it."""
        self._seconds.observe(monotonic() - begun)
        self.refused(status, NO_REASON)

    def refused(self, status: int, reason: str) -> None:
        answers = self._answers.get((status, reason))
        if answers is None:
            answers = self._tally.counter(metrics.REQUESTS, *self._labels, str(status), reason)
            self._answers[status, reason] = answers
        answers.value += 1

    def lost(self) -> None:
        """Somebody was sent on whose click could not be kept."""
        self._lost.value += 1


class FlushCounts:
    """Of the writes to the inbox."""

    def __init__(self, tally: Tally) -> None:
        self._seconds = tally.histogram(metrics.FLUSH_SECONDS)
        self._events = tally.histogram(metrics.FLUSH_EVENTS)
        self._failed = tally.counter(metrics.FLUSHES_FAILED)

    def written(self, events: int, begun: float) -> None:
        """`begun` as `monotonic` has it."""
        self._seconds.observe(monotonic() - begun)
        self._events.observe(events)

    def failed(self) -> None:
        self._failed.value += 1


class ProcessCounts:
    """The counts of this process, and with `shared` those of the others of its gunicorn.

    `gauges` reads what is not counted.
    """

    def __init__(
        self,
        tally: Tally,
        gauges: Callable[[], Sequence[MetricSeries]],
        shared: SharedCounts | None,
    ) -> None:
        self._tally = tally
        self._gauges = gauges
        self._shared = shared

    def together(self) -> list[MetricSeries]:
        # Written as well: what was shown once must not be gone if this process is killed now.
        others = self._shared.others() if self._shared else []
        return merged([self.write(), *others])

    async def run(self) -> None:
        """Let the others see these, until cancelled."""
        while True:
            self.write()
            await asyncio.sleep(_PAUSE_SECONDS)

    def write(self) -> list[MetricSeries]:
        """What this process has counted, as the others now see it."""
        own = [*self._tally.series(), *self._gauges(), gauge(metrics.PROCESSES, 1)]
        if self._shared:
            self._shared.write_own(own)
        return own


class IngestMetrics:
    """`/metrics`, for Prometheus."""

    def __init__(self, counts: ProcessCounts) -> None:
        self._counts = counts

    async def on_get(self, _request: Request, response: Response) -> None:
        response.content_type = exposition.CONTENT_TYPE
        response.data = exposition.expose(self._counts.together(), Source.INGEST)
