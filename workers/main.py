"""Defines the classes that `rq worker` is configured with: worker, job and connection.

Every worker is also a scheduler: whichever worker is first enqueues a periodic job when it is due.
RQ's own cron enqueues with pickle only, and would be one more process to fail.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rq import SimpleWorker, worker_registration
from rq.job import Job
from rq.worker import BaseWorker

from shared.gc_tuning import tune_gc
from shared.published_counts import PublishedCounts
from shared.redis import Redis, RedisError, connect_rq
from shared.rq_queue import enqueue
from workers import shutdown
from workers.deliver.courier_thread import land_courier
from workers.jobs import LISTED
from workers.process import process_stores

SCHEDULE_SECONDS = {
    "sweep": 3,
    "decide_due": 2,
    "roll_up": 5,
    "upkeep": 60,
    "retry_set_aside": 60,
    "backfill_event_types": 60,
    "expire": 300,
    "close_days": 300,
    "alert": 30,
}
_TICK_SECONDS = 1.0
_LAST_TICK_SECONDS_MAX = 2.0

_log = logging.getLogger(__name__)


class UnlistedJob(Exception):
    """A job in Redis is none of ours."""


class ListedJob(Job):
    """A job that runs listed functions only: RQ would import and call any name that it is given."""

    @property
    def func(self) -> Callable[..., Any]:
        """Returns the job's function. Raises UnlistedJob if it is not in `jobs.LISTED`."""
        if self.func_name not in LISTED or self.instance is not None:
            raise UnlistedJob("This job is not one of workers.jobs.LISTED.")
        function: Callable[..., Any] = super().func
        return function

    success_callback = failure_callback = stopped_callback = None

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """Sends nothing: a job from Redis must not choose whom this worker calls."""


class RqRedis(Redis):
    """A connection for RQ, which knows neither our Sentinel addresses nor our network timeouts."""

    @classmethod
    def from_url(cls, url: str, **_: Any) -> Redis:
        """Connects as all of Waybill does, ignoring RQ's own options."""
        return connect_rq(url, process_stores().settings.names)


class DrainWorker(SimpleWorker):
    """A worker that runs jobs in its own process, so that its connections last from job to job."""

    max_connection_wait_time = 1.0  # seconds; RQ's 60 would leave events waiting after an outage

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Runs jobs, with a thread beside that schedules periodic jobs and publishes metrics."""
        tune_gc()
        stores = process_stores()
        counts = PublishedCounts(stores.redis, stores.tally)
        stop = threading.Event()

        def publish() -> None:
            register_again(self)
            counts.publish()

        arguments = (self.connection, stop, publish)
        timekeeper = threading.Thread(target=keep_time, args=arguments, daemon=True)
        timekeeper.start()
        try:
            return bool(super().work(*args, **kwargs))
        finally:
            stop.set()
            timekeeper.join(_LAST_TICK_SECONDS_MAX)
            land_courier()

    def handle_warm_shutdown_request(self) -> None:
        """Requests the shutdown: a running drain ends after its current batch."""
        shutdown.request()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]


def register_again(worker: BaseWorker) -> None:
    """Registers a running worker that Redis has forgotten, as after it lost its data.

    RQ registers a worker at its birth and never again, and who is not registered is not seen.
    Raises RedisError.
    """
    if worker.birth_date is None:
        return
    with worker.connection.pipeline() as pipeline:
        pipeline.watch(worker.key)  # type: ignore[no-untyped-call]  # its death now wins
        is_known = pipeline.sismember(worker.redis_workers_keys, worker.key)
        if is_known or pipeline.hexists(worker.key, "death"):
            return
        pipeline.multi()
        pipeline.hset(worker.key, mapping={**worker.serialize(), "state": worker.get_state()})
        worker_registration.register(worker, pipeline)
        pipeline.expire(worker.key, worker.worker_ttl + 60)  # as long as RQ's own registration
        pipeline.execute()


def keep_time(redis: Redis, stop: threading.Event, publish: Callable[[], None]) -> None:
    """Enqueues periodic jobs and calls `publish` until `stop`, then calls it once more."""
    while not stop.wait(_TICK_SECONDS):
        with suppress(RedisError):
            for job, seconds in SCHEDULE_SECONDS.items():
                if redis.set(redis.names.due(job), "1", nx=True, ex=seconds):
                    enqueue(redis, job)
            publish()
    with suppress(RedisError):
        publish()
