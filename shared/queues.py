"""Redis's one door, and RQ's: how to connect, and how to ask for work.

There is one queue, `pipeline`, and each worker listens to it alone: with two queues RQ pops a job
in a way that loses it when the worker dies at that moment. Jobs carry no data of events: they wake
a worker, which finds its work in the inbox or the tables.
"""

from typing import Any, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry
from rq import Queue

__all__ = [
    "AsyncPipeline",
    "AsyncRedis",
    "NoScriptError",
    "Pipeline",
    "Redis",
    "RedisError",
    "ResponseError",
    "StreamEntries",
    "connect",
    "connect_ingest",
    "enqueue",
    "stream_entries",
    "waiting_jobs",
]

StreamEntries = list[tuple[bytes, dict[bytes, bytes]]]

QUEUE = "pipeline"
_CONNECT_SECONDS_MAX = 2.0
_ANSWER_SECONDS_MAX = 10.0
_JOB_SECONDS_MAX = 60
_QUEUED_SECONDS_MAX = 300
_RESULT_SECONDS = 60  # never 0: RQ 3 then runs a recovered job again and again
_FAILURE_SECONDS = 86_400


def connect(url: str) -> Redis:
    """For workers and people: waits for a slow Redis, gives up in seconds on a dead one."""
    return Redis.from_url(
        url,
        socket_connect_timeout=_CONNECT_SECONDS_MAX,
        socket_timeout=_ANSWER_SECONDS_MAX,
        retry=Retry(NoBackoff(), 0),
    )


def connect_ingest(url: str, answer_ms_max: int) -> AsyncRedis:
    """For ingest: fails fast and never repeats a write by itself, which would store it twice."""
    return AsyncRedis.from_url(
        url,
        socket_connect_timeout=answer_ms_max / 1000,
        socket_timeout=answer_ms_max / 1000,
        retry=Retry(NoBackoff(), 0),
    )


def enqueue(redis: Redis, job: str) -> None:
    """Ask for one run of `workers.jobs.<job>`. Its name is all that the dashboard and logs see."""
    _queue(redis).enqueue(
        f"workers.jobs.{job}",
        description=job,
        job_timeout=_JOB_SECONDS_MAX,
        ttl=_QUEUED_SECONDS_MAX,
        result_ttl=_RESULT_SECONDS,
        failure_ttl=_FAILURE_SECONDS,
    )


def stream_entries(reply: Any) -> StreamEntries:
    """A stream's answer as it is here: connections never decode, an empty answer may be None."""
    return cast("StreamEntries", reply or [])


def waiting_jobs(redis: Redis) -> int:
    """Jobs that no worker has taken yet."""
    return int(_queue(redis).count)


def _queue(redis: Redis) -> Queue:
    return Queue(QUEUE, connection=redis, serializer="json")
