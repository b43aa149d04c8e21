"""Shows what RQ knows of the pipeline's jobs, and retries or deletes those that failed.

A job has no arguments and may run twice, so that a retry repeats nothing and a deletion loses
nothing: the work itself waits in the inbox or the tables.
"""

from collections.abc import Callable
from dataclasses import dataclass

from console.actor import Actor, require_admin
from console.audit import Action, Change, record_change
from console.resources import Resources
from shared.database import transaction
from shared.errors import BadValue, OperatorError
from shared.redis import Redis
from shared.rq_queue import (
    FailedJob,
    delete_failed_job,
    failed_jobs,
    jobs_by_state,
    requeue_failed_job,
)


@dataclass(frozen=True)
class JobReport:
    """The number of jobs by state, and the last of those that failed, newest first.

    `older` is the `before` of the next page, None at the end.
    """

    counts: dict[str, int]
    failed: list[FailedJob]
    older: str | None = None


def report_jobs(redis: Redis, count: int, before: str | None = None) -> JobReport:
    """Reports jobs with the last `count` failures. Raises BadValue for `before`, and RedisError."""
    after = None
    if before:
        second, _, job_id = before.partition("_")
        if not (second.isascii() and second.isdecimal() and len(second) < 12 and job_id):
            raise BadValue("before", "must be the value that the page before gave.")
        after = (int(second), job_id)
    failed, last = failed_jobs(redis, count, after)
    return JobReport(jobs_by_state(redis), failed, last and f"{last[0]}_{last[1]}")


def retry_job(resources: Resources, actor: Actor, job_id: str) -> None:
    """Puts a failed job back into the queue.

    Raises OperatorError if there is no such job, RedisError, and NotAllowed for a viewer.
    """
    _change(resources, actor, Action.JOB_RETRY, job_id, requeue_failed_job)


def delete_job(resources: Resources, actor: Actor, job_id: str) -> None:
    """Deletes a failed job. Raises as `retry_job` does."""
    _change(resources, actor, Action.JOB_DELETE, job_id, delete_failed_job)


def _change(
    resources: Resources,
    actor: Actor,
    action: Action,
    job_id: str,
    change: Callable[[Redis, str], bool],
) -> None:
    require_admin(actor)
    with transaction(resources.connection) as connection:
        record_change(connection, actor, None, Change(action, job_id, None, {}))
        if not change(resources.redis, job_id):
            raise OperatorError(
                "There is no failed job with this ID: it was retried or deleted, or is more than a "
                "day old."
            )
