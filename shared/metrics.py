"""Every metric that Waybill exposes, declared once, with the sentence that explains it.

A program counts by these declarations (`shared.tally`) and can show nothing else; docs/metrics.md
is written from them. Labels come from closed sets: paths that are served, codes of errors, names of
states. Nothing that a sender chose becomes a label.
"""

from dataclasses import dataclass
from enum import StrEnum


class MetricKind(StrEnum):
    """As Prometheus has them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(StrEnum):
    """Whose `/metrics` shows it: each ingest gunicorn's, or that of `waybill metrics`."""

    INGEST = "ingest"
    PIPELINE = "pipeline"


class Across(StrEnum):
    """What the gauges of several ingest processes become together."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Metric:
    """`bounds` are the upper bounds of a histogram, in the unit that stands last in the name."""

    name: str
    kind: MetricKind
    source: Source
    sentence: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    across: Across = Across.SUM


NO_REASON = "none"  # the reason of what was not refused, the endpoint of what found none

_FAST_SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
)  # fmt: skip
_WORK_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WAIT_SECONDS = (
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0,
)  # fmt: skip
_SIZE_EVENTS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)


def _ingest(name: str, kind: MetricKind, sentence: str, *labels: str, **more: object) -> Metric:
    return Metric(name, kind, Source.INGEST, sentence, labels, **more)  # type: ignore[arg-type]


def _pipeline(name: str, kind: MetricKind, sentence: str, *labels: str, **more: object) -> Metric:
    return Metric(name, kind, Source.PIPELINE, sentence, labels, **more)  # type: ignore[arg-type]


_COUNTER, _GAUGE, _HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM

# Ingest

REQUESTS = _ingest(
    "waybill_requests_total",
    _COUNTER,
    "Requests answered, with the error's code as the reason of a refusal, `none` for the others.",
    "endpoint", "dialect", "status", "reason",
)  # fmt: skip
REQUEST_SECONDS = _ingest(
    "waybill_request_seconds",
    _HISTOGRAM,
    "From a whole request to its answer, which waits for the disk of Redis. Refusals are left out: "
    "some wait on purpose.",
    "endpoint",
    bounds=_FAST_SECONDS,
)
CONNECTIONS = _ingest(
    "waybill_connections", _GAUGE, "Open connections, of the 4096 that each process may hold."
)
CONNECTIONS_REFUSED = _ingest(
    "waybill_connections_refused_total",
    _COUNTER,
    "Refused by the connection, before there was a request: malformed, slow or too large.",
    "reason",
)
CLICKS_LOST = _ingest(
    "waybill_clicks_lost_total",
    _COUNTER,
    "People who were sent on to a link's destination while their click could not be kept.",
)
WAITING_REQUESTS = _ingest(
    "waybill_waiting_requests", _GAUGE, "Requests that wait for the next write to the inbox."
)
FLUSH_SECONDS = _ingest(
    "waybill_flush_seconds",
    _HISTOGRAM,
    "One write to the inbox, until Redis has it on disk.",
    bounds=_FAST_SECONDS,
)
FLUSH_EVENTS = _ingest(
    "waybill_flush_events", _HISTOGRAM, "Events that shared one write.", bounds=_SIZE_EVENTS
)
FLUSHES_FAILED = _ingest(
    "waybill_flushes_failed_total",
    _COUNTER,
    "Writes that Redis did not take or did not confirm in time; their senders got 503.",
)
SNAPSHOT_VERSION = _ingest(
    "waybill_snapshot_version",
    _GAUGE,
    "The oldest version of tokens and links that a process holds; 0: one holds none.",
    across=Across.MIN,
)
SNAPSHOT_AGE = _ingest(
    "waybill_snapshot_age_seconds",
    _GAUGE,
    "How long ago a process last saw that its tokens and links are the newest; the worst of them.",
    across=Across.MAX,
)
READY = _ingest(
    "waybill_ready",
    _GAUGE,
    "1 while every process finds this part well, as /health/ready names them.",
    "part",
    across=Across.MIN,
)
SHEDDING = _ingest(
    "waybill_shedding",
    _GAUGE,
    "1 while a process answers 503 overloaded, because the inbox or the memory of Redis is full.",
    across=Across.MAX,
)
PROCESSES = _ingest("waybill_ingest_processes", _GAUGE, "Ingest processes of this gunicorn.")

# Pipeline: counted by workers, summed in Redis

EVENTS = _pipeline(
    "waybill_events_total",
    _COUNTER,
    "Events that left the inbox: recorded, duplicate (of an idempotency key), or quarantined.",
    "outcome",
)
ATTRIBUTIONS = _pipeline(
    "waybill_attributions_total",
    _COUNTER,
    "Where users came from, as drains wrote it; a decision that a late fact changed counts again.",
    "rule",
)
QUEUE_WAIT_SECONDS = _pipeline(
    "waybill_queue_wait_seconds",
    _HISTOGRAM,
    "From an event's arrival in the inbox until a worker took it.",
    bounds=_WAIT_SECONDS,
)
EVENT_DELAY_SECONDS = _pipeline(
    "waybill_event_delay_seconds",
    _HISTOGRAM,
    "From an event's arrival in the inbox until it is recorded, decided about and removed.",
    bounds=_WAIT_SECONDS,
)
DRAIN_SECONDS = _pipeline(
    "waybill_drain_seconds",
    _HISTOGRAM,
    "One drain job, from its start until the inbox was empty or its time was up.",
    bounds=_WORK_SECONDS,
)
DRAIN_EVENTS = _pipeline(
    "waybill_drain_events", _HISTOGRAM, "Events of one transaction.", bounds=_SIZE_EVENTS
)
RECORD_SECONDS = _pipeline(
    "waybill_record_seconds",
    _HISTOGRAM,
    "The facts of one transaction's events, until PostgreSQL has committed them.",
    bounds=_WORK_SECONDS,
)
DERIVE_SECONDS = _pipeline(
    "waybill_derive_seconds",
    _HISTOGRAM,
    "The decisions that follow from one transaction's events.",
    bounds=_WORK_SECONDS,
)
DRAIN_RETRIES = _pipeline(
    "waybill_drain_retries_total",
    _COUNTER,
    "Transactions that PostgreSQL broke off and a worker tried again.",
)

# Pipeline: read from Redis

ACCEPTED = _pipeline("waybill_accepted_total", _COUNTER, "Events ever accepted into the inbox.")
BACKLOG_EVENTS = _pipeline(
    "waybill_backlog_events", _GAUGE, "Events in the inbox, without a row yet."
)
OLDEST_SECONDS = _pipeline(
    "waybill_oldest_seconds", _GAUGE, "How long the oldest event of the inbox has waited."
)
DRAIN_RATE = _pipeline(
    "waybill_drain_rate", _GAUGE, "Events a second that left the inbox in the last 30 seconds."
)
EMPTY_SECONDS = _pipeline(
    "waybill_seconds_to_empty",
    _GAUGE,
    "How long the inbox needs to be empty at this rate; 86,400 stands for longer, and for never.",
)
WORKERS = _pipeline(
    "waybill_workers", _GAUGE, "Workers that gave a sign of life within a minute.", "state"
)
JOBS = _pipeline("waybill_jobs", _GAUGE, "Jobs of the queue, by RQ's state of them.", "state")
RECOMPUTES = _pipeline(
    "waybill_recomputes", _GAUGE, "Apps whose decisions are being made anew, or are to be."
)
PUBLISHED_VERSION = _pipeline(
    "waybill_published_snapshot_version",
    _GAUGE,
    "The version of tokens and links that is published; 0: none is.",
)
REDIS_MEMORY = _pipeline("waybill_redis_memory_bytes", _GAUGE, "Memory that Redis uses.")
REDIS_MEMORY_MAX = _pipeline(
    "waybill_redis_memory_bytes_max", _GAUGE, "The maxmemory of Redis; 0: it has no limit."
)

# Pipeline: read from PostgreSQL

QUARANTINE = _pipeline(
    "waybill_quarantine_events", _GAUGE, "Events in quarantine that were not replayed.", "reason"
)
SET_ASIDE_USERS = _pipeline(
    "waybill_set_aside_users",
    _GAUGE,
    "Users whose decision failed: their facts are stored, and they are decided again every minute "
    "to every hour.",
)
DATABASE_CONNECTIONS = _pipeline(
    "waybill_database_connections",
    _GAUGE,
    "Connections to PostgreSQL, by Waybill's program (`other`: of somebody else) and state.",
    "program", "state",
)  # fmt: skip
DATABASE_CONNECTIONS_MAX = _pipeline(
    "waybill_database_connections_max", _GAUGE, "How many connections PostgreSQL takes."
)
STORE_UP = _pipeline(
    "waybill_store_up",
    _GAUGE,
    "1 while this store answers; what is read from one that does not is left out.",
    "store",
)

METRICS: dict[str, Metric] = {
    metric.name: metric for metric in tuple(globals().values()) if isinstance(metric, Metric)
}
