"""Counts requests and flushes of one ingest process, and shows the counts of all processes.

On the way of a request it costs one call; everything else happens once a second or on demand.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from falcon.asgi import Request, Response

from ingest.telemetry.shared_counts import SharedCounts
from shared import exposition, metrics
from shared.http.host_names import MISDIRECTED, REFUSAL, NameCheck, bare_name
from shared.metrics import NO_REASON, Source
from shared.tally import Counter, MetricSeries, Tally, gauge, merge_series

_PAUSE_SECONDS = 1.0


class EndpointCounts:
    """The counts of one path. Labels hold only our own values: the routed path, an error code."""

    __slots__ = ("_answers", "_labels", "_lost", "_seconds", "_tally")

    def __init__(self, tally: Tally, path: str, dialect: str) -> None:
        self._tally = tally
        self._labels = (path, dialect)
        self._seconds = tally.histogram(metrics.REQUEST_SECONDS, path)
        self._lost = tally.counter(metrics.CLICKS_LOST)
        self._answers: dict[tuple[int, str], Counter] = {}

    def count_accepted(self, status: int, begun: float) -> None:
        """Counts an accepted request and its time; `begun` is the `monotonic` time of its start."""
        self._seconds.observe(monotonic() - begun)
        answers = self._answers.get((status, NO_REASON)) or self._new_counter(status, NO_REASON)
        answers.value += 1

    def count_refused(self, status: int, reason: str) -> None:
        """Counts an answer by its status and the code of its error."""
        answers = self._answers.get((status, reason)) or self._new_counter(status, reason)
        answers.value += 1

    def _new_counter(self, status: int, reason: str) -> Counter:
        answers = self._tally.counter(metrics.REQUESTS, *self._labels, str(status), reason)
        self._answers[status, reason] = answers
        return answers

    def count_lost_click(self) -> None:
        """Counts a person who was redirected although the click could not be stored."""
        self._lost.value += 1


class FlushCounts:
    """The counts of writes to the inbox."""

    def __init__(self, tally: Tally) -> None:
        self._seconds = tally.histogram(metrics.FLUSH_SECONDS)
        self._events = tally.histogram(metrics.FLUSH_EVENTS)
        self._failed = tally.counter(metrics.FLUSHES_FAILED)

    def count_written(self, events: int, begun: float) -> None:
        """Counts a flush, its events and its time; `begun` is the `monotonic` time of its start."""
        self._seconds.observe(monotonic() - begun)
        self._events.observe(events)

    def count_failed(self) -> None:
        """Counts a flush that Redis did not take."""
        self._failed.value += 1


class ProcessCounts:
    """The counts of this process, and with `shared` those of the others of its gunicorn.

    `gauges` reads what is measured rather than counted.
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
        """Adds up the counts of all processes."""
        # Written as well: what was shown once must not be gone if this process is killed now.
        others = self._shared.others() if self._shared else []
        return merge_series([self.write(), *others])

    async def run(self) -> None:
        """Shares the counts of this process with the others, until cancelled."""
        while True:
            self.write()
            await asyncio.sleep(_PAUSE_SECONDS)

    def write(self) -> list[MetricSeries]:
        """Shares and returns the counts of this process."""
        own = [*self._tally.series(), *self._gauges(), gauge(metrics.PROCESSES, 1)]
        if self._shared:
            self._shared.write_own(own)
        return own


class IngestMetrics:
    """`/metrics`, for Prometheus; not by a name that a page on the internet may have."""

    def __init__(self, counts: ProcessCounts, is_known_host: NameCheck) -> None:
        self._counts = counts
        self._is_known_host = is_known_host

    async def on_get(self, request: Request, response: Response) -> None:
        if not self._is_known_host(bare_name(request.get_header("Host") or "")):
            response.status, response.text = MISDIRECTED, REFUSAL
            return
        response.content_type = exposition.CONTENT_TYPE
        response.data = exposition.expose(self._counts.together(), Source.INGEST)

    on_head = on_get  # Falcon leaves the body out
