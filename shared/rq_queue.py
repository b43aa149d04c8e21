"""Enqueues RQ jobs and counts jobs and workers by state.

There is one queue, `pipeline`, and workers listen to no other: with two queues RQ pops a job in a
way that loses it if the worker dies at that moment. Jobs carry no data of events: they wake a
worker, which finds its work in the inbox or the tables.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from rq import Queue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.timeouts import BaseTimeoutException as JobTimeout
from rq.utils import utcparse
from rq.worker_registration import get_keys as worker_keys

from shared.redis import Redis

__all__ = [
    "QUEUE",
    "FailedJob",
    "JobTimeout",
    "delete_failed_job",
    "enqueue",
    "failed_jobs",
    "jobs_by_state",
    "requeue_failed_job",
    "waiting_jobs",
    "workers_by_state",
]

QUEUE = "pipeline"
WORKER_STATES = ("busy", "idle")
_JOB_SECONDS_MAX = 60
# A day of an app may hold millions of events, and a day file a hundred thousand.
_LONG_JOB_SECONDS_MAX = {"roll_up": 300, "close_days": 300}
_QUEUED_SECONDS_MAX = 300
_RESULT_SECONDS = 60  # never 0: RQ 3 then runs a recovered job again and again
_FAILURE_SECONDS = 86_400
# The names under which version 0.1 runs these jobs. For one more version they are enqueued under
# these, so that workers of 0.1 accept them while an upgrade replaces workers one by one.
_QUEUED_AS = {"roll_up": "count", "restore_seen": "remember", "backfill_event_types": "claim"}
_ABANDONED = "AbandonedJobError"
_REASON_CHARACTERS_MAX = 500


@dataclass(frozen=True)
class FailedJob:
    """A job that ended with an error, whose `reason` quotes no event: see `workers.job_errors`."""

    id: str
    name: str
    enqueued_at: datetime | None
    failed_at: datetime
    reason: str


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
        "deferred": queue.deferred_job_registry,
        "scheduled": queue.scheduled_job_registry,
        "failed": queue.failed_job_registry,
        "finished": queue.finished_job_registry,
    }
    counts = {state: jobs.get_job_count(cleanup=False) for state, jobs in registries.items()}
    return {"queued": int(queue.count), **counts}


def failed_jobs(
    redis: Redis, count: int, before: tuple[int, str] | None = None
) -> tuple[list[FailedJob], tuple[int, str] | None]:
    """Returns the last `count` jobs that failed, newest first, and where the list goes on.

    They are kept for a day. A list goes on behind the second and the ID of its last job, whatever
    became of that job since; None at its end.
    """
    queue = _queue(redis)
    key, most, skipped = queue.failed_job_registry.key, "+inf", 0
    if before:
        most = str(before[0])
        # Those of one second are in the order of their IDs, the last first.
        same = cast("list[bytes]", redis.zrangebyscore(key, before[0], before[0]))
        skipped = sum(each.decode() >= before[1] for each in same)
    found = cast(
        "list[tuple[bytes, float]]",
        redis.zrevrangebyscore(key, most, "-inf", skipped, count + 1, withscores=True),
    )
    ids = [job_id.decode() for job_id, _ in found[:count]]
    jobs = Job.fetch_many(ids, connection=redis, serializer=queue.serializer)
    failed = (_failed_job(job) for job in jobs if job is not None)
    last = (int(found[count - 1][1]), ids[-1]) if len(found) > count else None
    # The registry is ordered by whole seconds.
    return sorted(failed, key=lambda job: job.failed_at, reverse=True), last


def requeue_failed_job(redis: Redis, job_id: str) -> bool:
    """Puts a failed job back into the queue; False if there is no such job among those."""
    try:
        _queue(redis).failed_job_registry.requeue(job_id)
    except (NoSuchJobError, InvalidJobOperation):  # the latter: somebody else was faster
        return False
    return True


def delete_failed_job(redis: Redis, job_id: str) -> bool:
    """Deletes a failed job; False if there is no such job among those."""
    registry = _queue(redis).failed_job_registry
    if not registry.remove(job_id):
        return False
    try:
        Job.fetch(job_id, connection=redis, serializer=registry.serializer).delete()
    except NoSuchJobError:  # its entry had outlived it
        return True
    return True


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


def _failed_job(job: Job) -> FailedJob:
    result = job.latest_result()
    error = (result.exc_string if result else None) or ""
    reason = error.strip().rpartition("\n")[2].partition(": ")[2] or error
    if _ABANDONED in error:
        reason = "Its worker ended while it was running."
    failed_at = result.created_at if result else job.ended_at or job.created_at
    return FailedJob(
        id=job.id,
        name=job.description or "",
        enqueued_at=_utc(job.enqueued_at),
        failed_at=_utc(failed_at) or failed_at,
        reason=reason[:_REASON_CHARACTERS_MAX] or "RQ no longer knows why.",
    )


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
