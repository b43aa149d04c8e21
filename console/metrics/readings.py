"""Reads the metrics of the pipeline from the stores. Nothing here changes them."""

from typing import cast

from console.metrics.lag import Lag
from shared import metrics
from shared.alerts.kinds import AlertKind
from shared.database import Connection, run
from shared.inbox import Backlog
from shared.limits.app_shares import queued_events
from shared.published_counts import read_counts
from shared.recompute import unfinished_recomputes
from shared.redis import Redis
from shared.rq_queue import jobs_by_state, workers_by_state
from shared.tally import MetricSeries, Tally, gauge, merge_series
from shared.vocabulary import AccessEvent, CallbackOutcome, DrainOutcome, QuarantineReason, Rule

WORKER_SILENT_MS_MAX = 60_000  # an idle worker sends a heartbeat every 30 s
PROGRAMS = ("worker", "console", "metrics")
OTHER = "other"
_STATES = ("active", "idle", "idle in transaction")

_QUARANTINE = """
SELECT reason, sum(event_count) FROM quarantine WHERE replayed_at IS NULL GROUP BY reason
"""
_USERS = """
SELECT (SELECT count(*) FROM set_aside_users),
       (SELECT count(*) FROM due_decisions) + (SELECT count(*) FROM unfinished_decisions),
       (SELECT coalesce(max(users), 0) FROM wide_identifiers),
       (SELECT coalesce(max(marks), 0) * 256
        FROM (SELECT count(*) AS marks FROM run_marks GROUP BY user_ref) AS long)
"""
_DAY_FILES = """
SELECT coalesce(sum(event_count) FILTER (WHERE fault IS NULL), 0),
       coalesce(sum(event_count) FILTER (WHERE fault IS NOT NULL), 0)
FROM day_files
"""
_CONNECTIONS = """
SELECT coalesce(application_name, ''), coalesce(state, ''), count(*)
FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1, 2
"""
_CALLBACKS = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(due_at)), 0)
FROM callbacks JOIN callback_endpoints ON callback_endpoints.id = endpoint_id
WHERE state = 'waiting' AND due_at <= now() AND paused_at IS NULL AND disabled_at IS NULL
"""
_DISABLED = """
SELECT count(*) FROM callback_endpoints WHERE disabled_at IS NOT NULL AND deleted_at IS NULL
"""
_ALERTS = "SELECT kind, count(*) FROM alerts WHERE resolved_at IS NULL GROUP BY kind"
_UNDELIVERED = """
SELECT count(*) FROM alert_messages
WHERE state = 'failed' AND created_at > now() - interval '1 day'
"""
_CONNECTIONS_MAX = "SELECT setting::integer FROM pg_settings WHERE name = 'max_connections'"


def read_redis(redis: Redis, now_ms: int) -> list[MetricSeries]:
    """Reads the metrics that Redis holds. Raises RedisError."""
    memory = cast("dict[str, int]", redis.info("memory"))
    version = cast("bytes | None", redis.get(redis.names.snapshot_version))
    parked = cast("list[bytes]", redis.hvals(redis.names.parked))
    workers = workers_by_state(redis, now_ms, WORKER_SILENT_MS_MAX)
    return [
        *merge_series([_zero_counts(), read_counts(redis)]),
        *(gauge(metrics.WORKERS, count, state) for state, count in workers.items()),
        *(gauge(metrics.JOBS, count, state) for state, count in jobs_by_state(redis).items()),
        gauge(metrics.RECOMPUTES, len(unfinished_recomputes(redis))),
        gauge(metrics.PARKED_EVENTS, sum(map(int, parked))),
        gauge(metrics.LONGEST_QUEUE, max(queued_events(redis).values(), default=0)),
        gauge(metrics.PUBLISHED_VERSION, int(version or 0)),
        gauge(metrics.REDIS_MEMORY, memory["used_memory"]),
        gauge(metrics.REDIS_MEMORY_MAX, memory["maxmemory"]),
    ]


def lag_series(backlog: Backlog, lag: Lag) -> list[MetricSeries]:
    return [
        gauge(metrics.ACCEPTED, backlog.accepted),
        gauge(metrics.BACKLOG_EVENTS, lag.backlog_events),
        gauge(metrics.OLDEST_SECONDS, lag.oldest_seconds),
        gauge(metrics.DRAIN_RATE, lag.drain_rate),
        gauge(metrics.EMPTY_SECONDS, lag.seconds_to_empty),
    ]


def read_database(connection: Connection) -> list[MetricSeries]:
    """Reads the metrics that PostgreSQL holds. Raises DatabaseError."""
    quarantined = dict.fromkeys(map(str, QuarantineReason), 0)
    quarantined |= dict(run(connection, _QUARANTINE).fetchall())
    [(sound, faulty)] = run(connection, _DAY_FILES).fetchall()
    connections: dict[tuple[str, str], int] = {}
    for name, state, count in run(connection, _CONNECTIONS):
        # Clients choose this name: only those of our programs become a label.
        program = name.removeprefix("waybill ")
        key = (program if program in PROGRAMS else OTHER, state if state in _STATES else OTHER)
        connections[key] = connections.get(key, 0) + count
    [(aside, users_due, widest, largest)] = run(connection, _USERS).fetchall()
    [(due, oldest_seconds)] = run(connection, _CALLBACKS).fetchall()
    [(disabled,)] = run(connection, _DISABLED).fetchall()
    alerts = dict.fromkeys(map(str, AlertKind), 0) | dict(run(connection, _ALERTS).fetchall())
    [(undelivered,)] = run(connection, _UNDELIVERED).fetchall()
    row = run(connection, _CONNECTIONS_MAX).fetchone()
    assert row is not None
    return [
        gauge(metrics.DAY_FILES, float(sound), "sound"),
        gauge(metrics.DAY_FILES, float(faulty), "faulty"),
        *(gauge(metrics.QUARANTINE, float(n), reason) for reason, n in quarantined.items()),
        gauge(metrics.SET_ASIDE_USERS, aside),
        gauge(metrics.DUE_DECISIONS, users_due),
        gauge(metrics.WIDEST_IDENTIFIER, widest),
        gauge(metrics.LARGEST_USER, largest),
        gauge(metrics.CALLBACKS_DUE, due),
        gauge(metrics.CALLBACK_OLDEST_SECONDS, float(oldest_seconds)),
        gauge(metrics.CALLBACK_ENDPOINTS_DISABLED, disabled),
        *(gauge(metrics.ALERTS_OPEN, n, kind) for kind, n in alerts.items()),
        gauge(metrics.ALERT_MESSAGES_UNDELIVERED, undelivered),
        *(gauge(metrics.DATABASE_CONNECTIONS, n, *key) for key, n in connections.items()),
        gauge(metrics.DATABASE_CONNECTIONS_MAX, row[0]),
    ]


def _zero_counts() -> list[MetricSeries]:
    """Returns counters at 0, because Prometheus sees growth only from a first number on."""
    tally = Tally()
    tally.counter(metrics.DRAIN_RETRIES)
    for outcome in DrainOutcome:
        tally.counter(metrics.EVENTS, outcome)
    tally.histogram(metrics.CALLBACK_SECONDS)
    for access in AccessEvent:
        tally.counter(metrics.CONSOLE_ACCESS, access)
    for attempt in CallbackOutcome:
        tally.counter(metrics.CALLBACK_ATTEMPTS, attempt)
    for rule in Rule:
        tally.counter(metrics.ATTRIBUTIONS, rule)
    return tally.series()
