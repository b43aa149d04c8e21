"""Declares every metric that Waybill exposes, once, with the sentence that explains it.

Programs count by these declarations (`shared.tally`) and can expose nothing else; docs/metrics.md
is generated from them. Labels come from closed sets: paths that are served, codes of errors, names
of states. Nothing that a sender chose becomes a label.
"""

from dataclasses import dataclass
from enum import StrEnum


class MetricKind(StrEnum):
    """A type of metric, as Prometheus defines them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(StrEnum):
    """The `/metrics` that shows a metric: each ingest gunicorn's, or `waybill metrics`."""

    INGEST = "ingest"
    PIPELINE = "pipeline"


class Across(StrEnum):
    """The way in which the gauges of several ingest processes are combined."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Metric:
    """A declared metric. `bounds` are a histogram's upper bounds, in the unit at the name's end."""

    name: str
    kind: MetricKind
    source: Source
    sentence: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    across: Across = Across.SUM


NO_REASON = "none"  # the reason of a request that was accepted, the endpoint of an unknown path

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
    "Answered requests. The reason of a refusal is the error's code; `none` for the others.",
    "endpoint", "dialect", "status", "reason",
)  # fmt: skip
REQUEST_SECONDS = _ingest(
    "waybill_request_seconds",
    _HISTOGRAM,
    "Time from the complete request to its response, which waits until Redis has written to disk. "
    "Refusals are left out: some are delayed on purpose.",
    "endpoint",
    bounds=_FAST_SECONDS,
)
CONNECTIONS = _ingest(
    "waybill_connections", _GAUGE, "Open connections, of at most 4096 for each process."
)
CONNECTIONS_REFUSED = _ingest(
    "waybill_connections_refused_total",
    _COUNTER,
    "Connections refused before a request was complete: malformed, slow or too large.",
    "reason",
)
CLICKS_LOST = _ingest(
    "waybill_clicks_lost_total",
    _COUNTER,
    "Clicks that were redirected to a link's destination but could not be stored.",
)
BATCH_EVENTS = _ingest(
    "waybill_batch_events_total",
    _COUNTER,
    "Events of batches: accepted, duplicate, rejected or retry, and the error's code or `none`.",
    "outcome", "reason",
)  # fmt: skip
WAITING_REQUESTS = _ingest(
    "waybill_waiting_requests", _GAUGE, "Requests that wait for the next write to the inbox."
)
FLUSH_SECONDS = _ingest(
    "waybill_flush_seconds",
    _HISTOGRAM,
    "Duration of a write to the inbox, until Redis has written it to disk.",
    bounds=_FAST_SECONDS,
)
FLUSH_EVENTS = _ingest(
    "waybill_flush_events", _HISTOGRAM, "Events in one write to the inbox.", bounds=_SIZE_EVENTS
)
FLUSHES_FAILED = _ingest(
    "waybill_flushes_failed_total",
    _COUNTER,
    "Writes that Redis rejected or did not confirm in time; their senders got a 503.",
)
SNAPSHOT_VERSION = _ingest(
    "waybill_snapshot_version",
    _GAUGE,
    "The oldest version of tokens and links that any process holds; 0 if a process holds none.",
    across=Across.MIN,
)
SNAPSHOT_AGE = _ingest(
    "waybill_snapshot_age_seconds",
    _GAUGE,
    "Time since a process last confirmed that its tokens and links are current; the maximum.",
    across=Across.MAX,
)
READY = _ingest(
    "waybill_ready",
    _GAUGE,
    "1 while every process reports this part as healthy. The parts are those of /health/ready.",
    "part",
    across=Across.MIN,
)
SHEDDING = _ingest(
    "waybill_shedding",
    _GAUGE,
    "1 while a process answers 503 overloaded because the inbox or the memory of Redis is full.",
    across=Across.MAX,
)
PROCESSES = _ingest("waybill_ingest_processes", _GAUGE, "Ingest processes of this gunicorn.")

# Pipeline: counted by workers, summed in Redis

EVENTS = _pipeline(
    "waybill_events_total",
    _COUNTER,
    "Events that left the inbox: recorded, duplicate (a repeat under its idempotency key), "
    "conflict (another event under a key that was taken) or quarantined.",
    "outcome",
)
ATTRIBUTIONS = _pipeline(
    "waybill_attributions_total",
    _COUNTER,
    "Attributions that drains wrote; one that is recalculated after late data counts again.",
    "rule",
)
QUEUE_WAIT_SECONDS = _pipeline(
    "waybill_queue_wait_seconds",
    _HISTOGRAM,
    "Time from an event's arrival in the inbox until a worker took it.",
    bounds=_WAIT_SECONDS,
)
EVENT_DELAY_SECONDS = _pipeline(
    "waybill_event_delay_seconds",
    _HISTOGRAM,
    "Time from an event's arrival in the inbox until it is recorded, attributed and removed.",
    bounds=_WAIT_SECONDS,
)
DRAIN_SECONDS = _pipeline(
    "waybill_drain_seconds",
    _HISTOGRAM,
    "Duration of a drain job, from its start until the inbox was empty or its time limit reached.",
    bounds=_WORK_SECONDS,
)
DRAIN_EVENTS = _pipeline(
    "waybill_drain_events", _HISTOGRAM, "Events in one transaction.", bounds=_SIZE_EVENTS
)
RECORD_SECONDS = _pipeline(
    "waybill_record_seconds",
    _HISTOGRAM,
    "Time to record the facts of one transaction's events, until PostgreSQL has committed them.",
    bounds=_WORK_SECONDS,
)
DERIVE_SECONDS = _pipeline(
    "waybill_derive_seconds",
    _HISTOGRAM,
    "Time to make the decisions that follow from one transaction's events.",
    bounds=_WORK_SECONDS,
)
DRAIN_RETRIES = _pipeline(
    "waybill_drain_retries_total",
    _COUNTER,
    "Transactions that PostgreSQL aborted and a worker retried.",
)
CALLBACK_ATTEMPTS = _pipeline(
    "waybill_callback_attempts_total",
    _COUNTER,
    "Requests of callbacks: delivered, answered otherwise, unanswered, or refused by address.",
    "outcome",
)
CALLBACK_SECONDS = _pipeline(
    "waybill_callback_seconds",
    _HISTOGRAM,
    "Duration of a callback's request, until the answer was read or given up.",
    bounds=_WORK_SECONDS,
)
CONSOLE_ACCESS = _pipeline(
    "waybill_console_access_total",
    _COUNTER,
    "Sign-ins to the console, failed and refused ones, refused forms, and uses of API keys.",
    "outcome",
)

# Pipeline: read from Redis

ACCEPTED = _pipeline("waybill_accepted_total", _COUNTER, "Events ever accepted into the inbox.")
BACKLOG_EVENTS = _pipeline(
    "waybill_backlog_events", _GAUGE, "Events in the inbox that are not stored in PostgreSQL yet."
)
PARKED_EVENTS = _pipeline("waybill_parked_events", _GAUGE, "Events of the backlog that are parked.")
LONGEST_QUEUE = _pipeline("waybill_app_queued_events_max", _GAUGE, "The longest queue of an app.")
OLDEST_SECONDS = _pipeline("waybill_oldest_seconds", _GAUGE, "Age of the oldest waiting event.")
DRAIN_RATE = _pipeline(
    "waybill_drain_rate", _GAUGE, "Events per second that left the inbox in the last 30 seconds."
)
EMPTY_SECONDS = _pipeline(
    "waybill_seconds_to_empty",
    _GAUGE,
    "Time until the inbox is empty at this rate; 86,400 means longer, or never.",
)
WORKERS = _pipeline("waybill_workers", _GAUGE, "Workers seen in the last minute.", "state")
JOBS = _pipeline("waybill_jobs", _GAUGE, "Jobs in the queue, by RQ's state.", "state")
RECOMPUTES = _pipeline(
    "waybill_recomputes", _GAUGE, "Apps whose past data is being recalculated, or waits for it."
)
PUBLISHED_VERSION = _pipeline(
    "waybill_published_snapshot_version",
    _GAUGE,
    "The published version of tokens and links; 0 if none is published.",
)
REDIS_MEMORY = _pipeline("waybill_redis_memory_bytes", _GAUGE, "Memory that Redis uses.")
REDIS_MEMORY_MAX = _pipeline(
    "waybill_redis_memory_bytes_max", _GAUGE, "The maxmemory of Redis; 0 means no limit."
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
DUE_DECISIONS = _pipeline("waybill_due_decisions", _GAUGE, "Users whose decision waits for a job.")
WIDEST_IDENTIFIER = _pipeline(
    "waybill_widest_identifier_users", _GAUGE, "Users who name the widest ID; 0: none is too wide."
)
LARGEST_USER = _pipeline(
    "waybill_largest_user_events", _GAUGE, "Events of the largest user, about.")  # fmt: skip
DAY_FILES = _pipeline("waybill_day_file_events", _GAUGE, "Events in day files.", "state")
CALLBACKS_DUE = _pipeline(
    "waybill_callbacks_due", _GAUGE, "Callbacks due to endpoints neither paused nor disabled."
)
CALLBACK_OLDEST_SECONDS = _pipeline(
    "waybill_callback_oldest_seconds", _GAUGE, "Time for which the first of these has been due."
)
CALLBACK_ENDPOINTS_DISABLED = _pipeline(
    "waybill_callback_endpoints_disabled", _GAUGE, "Callback endpoints disabled as failing or gone."
)
ALERTS_OPEN = _pipeline(
    "waybill_alerts_open", _GAUGE, "Alerts of apps that are open, by what they are about.", "kind"
)
ALERT_MESSAGES_UNDELIVERED = _pipeline(
    "waybill_alert_messages_undelivered", _GAUGE, "Messages of alerts given up within a day."
)
DATABASE_CONNECTIONS = _pipeline(
    "waybill_database_connections", _GAUGE,
    "Connections to PostgreSQL, by program of Waybill (`other` for all others) and state.",
    "program", "state")  # fmt: skip
DATABASE_CONNECTIONS_MAX = _pipeline(
    "waybill_database_connections_max", _GAUGE, "Connections that PostgreSQL allows.")  # fmt: skip
STORE_UP = _pipeline(
    "waybill_store_up", _GAUGE,
    "1 while this store answers; metrics read from a store that does not are left out.", "store",
)  # fmt: skip

METRICS: dict[str, Metric] = {
    metric.name: metric for metric in tuple(globals().values()) if isinstance(metric, Metric)
}
