"""Enqueues RQ jobs and counts jobs and workers by state.

There is one queue, `pipeline`, and workers listen to no other: with two queues RQ pops a job in a
way that loses it if the worker dies at that moment. Jobs carry no data of events: they wake a
worker, which finds its work in the inbox or the tables.
"""

from typing import cast

from rq import Queue
from rq.timeouts import BaseTimeoutException as JobTimeout
from rq.utils import utcparse
from rq.worker_registration import get_keys as worker_keys

from shared.redis import Redis

__all__ = [
    "QUEUE",
    "JobTimeout",
    "enqueue",
    "jobs_by_state",
    "waiting_jobs",
    "workers_by_state",
]

QUEUE = "pipeline"
WORKER_STATES = ("busy", "idle")
_JOB_SECONDS_MAX = 60
_LONG_JOB_SECONDS_MAX = {"roll_up": 300}  # a day of an app may hold millions of events
_QUEUED_SECONDS_MAX = 300
_RESULT_SECONDS = 60  # never 0: RQ 3 then runs a recovered job again and again
_FAILURE_SECONDS = 86_400
# The names under which version 0.1 runs these jobs. For one more version they are enqueued under
# these, so that workers of 0.1 accept them while an upgrade replaces workers one by one.
_QUEUED_AS = {"roll_up": "count", "restore_seen": "remember", "backfill_event_types": "claim"}


def enqueue(redis: Redis, job: str) -> None:
    """Enqueues one run of `workers.jobs.<job>`, whose name is all that dashboard and logs see."""
    name = _QUEUED_AS.get(job, job)
    _queue(redis).enqueue(
        f"workers.jobs.{name}",
        description=name,
        job_timeout=_LONG_JOB_SECONDS_MAX.get(job, _JOB_SECONDS_MAX),
        ttl=_QUEUED_SECONDS_MAX,
        result_ttl=_RESULT_SECONDS,
        failure_ttl=_FAILURE_SECONDS,
    )


def waiting_jobs(redis: Redis) -> int:
    """Counts the jobs that no worker has taken yet."""
    return int(_queue(redis).count)


def jobs_by_state(redis: Redis) -> dict[str, int]:
    """Counts jobs without a side effect: RQ's own `count` of a registry also runs its clean-up."""
    queue = _queue(redis)
    registries = {
        "started": queue.started_job_registry,
        "finished": queue.finished_job_registry,
        "failed": queue.failed_job_registry,
    }
    counts = {state: jobs.get_job_count(cleanup=False) for state, jobs in registries.items()}
    return {"queued": int(queue.count), **counts}


def workers_by_state(redis: Redis, now_ms: int, silent_ms_max: int) -> dict[str, int]:
    """Counts workers with a recent heartbeat: RQ keeps the name of a dead one for minutes."""
    keys = worker_keys(queue=_queue(redis))
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.hmget(key, "state", "last_heartbeat")
        workers = cast("list[list[bytes | None]]", pipeline.execute())
    counts = dict.fromkeys(WORKER_STATES, 0)
    for state, heartbeat in workers:
        if heartbeat is None:
            continue
        heartbeat_ms = int(utcparse(heartbeat.decode()).timestamp() * 1000)
        if now_ms - heartbeat_ms <= silent_ms_max:
            counts["busy" if state == b"busy" else "idle"] += 1
    return counts


def _queue(redis: Redis) -> Queue:
    return Queue(QUEUE, connection=redis, serializer="json")
