"""Fails a job as workers do: RQ runs it, and its error has kind and place but no data."""

from rq import Queue, SimpleWorker

from shared.redis import Redis
from shared.rq_queue import QUEUE
from workers.job_errors import without_data


@without_data
def fail() -> str:
    raise ZeroDivisionError("ben@me.example")


def fail_job(redis: Redis) -> str:
    """Fails a job; returns its ID."""
    queue = Queue(QUEUE, connection=redis, serializer="json")
    name = f"{__name__}.fail"
    job = queue.enqueue(name, description="roll_up", failure_ttl=86_400)
    SimpleWorker([queue], connection=redis, serializer="json").work(burst=True)
    return str(job.id)
