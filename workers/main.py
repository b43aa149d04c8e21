"""The classes that `rq worker` is told to use: its worker, its jobs, its connection.

Every worker is also a clock: it asks for the periodic jobs when they are due, whichever worker is
first. RQ's own cron enqueues with pickle only, and is one more process to lose.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rq import SimpleWorker
from rq.job import Job

from shared.gc_tuning import tune_gc
from shared.published_counts import PublishedCounts
from shared.redis import Redis, RedisError, connect_rq
from shared.rq_queue import enqueue
from workers import shutdown
from workers.jobs import LISTED
from workers.process import process_stores

SCHEDULE_SECONDS = {
    "sweep": 3,
    "roll_up": 5,
    "upkeep": 60,
    "retry_set_aside": 60,
    "backfill_event_types": 60,
}
_TICK_SECONDS = 1.0
_LAST_BEAT_SECONDS_MAX = 2.0

_log = logging.getLogger(__name__)


class UnlistedJob(Exception):
    """Somebody put a job into Redis that is none of ours."""


class ListedJob(Job):
    """Runs a listed function and nothing else: RQ would import and call any name it is given."""

    @property
    def func(self) -> Callable[..., Any]:
        if self.func_name not in LISTED or self.instance is not None:
            raise UnlistedJob("This job is not one of workers.jobs.LISTED.")
        function: Callable[..., Any] = super().func
        return function

    success_callback = failure_callback = stopped_callback = None

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """None: a job from Redis must not choose whom this worker calls."""


class RqRedis(Redis):
    """RQ knows neither our addresses of Sentinels nor how soon a lost host has to be noticed."""

    @classmethod
    def from_url(cls, url: str, **_: Any) -> Redis:
        return connect_rq(url)


class DrainWorker(SimpleWorker):
    """Works in its own process, so that its PostgreSQL connection lasts from job to job."""

    max_connection_wait_time = 1.0  # seconds; RQ's 60 would leave events waiting after an outage

    def work(self, *args: Any, **kwargs: Any) -> bool:
        tune_gc()
        stores = process_stores()
        counts = PublishedCounts(stores.redis, stores.tally)
        stop = threading.Event()
        arguments = (self.connection, stop, counts.publish)
        beat = threading.Thread(target=keep_time, args=arguments, daemon=True)
        beat.start()
        try:
            return bool(super().work(*args, **kwargs))
        finally:
            stop.set()
            beat.join(_LAST_BEAT_SECONDS_MAX)

    def handle_warm_shutdown_request(self) -> None:
        """The drain under way ends after the batch it is at."""
        shutdown.request()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]


def keep_time(redis: Redis, stop: threading.Event, publish: Callable[[], None]) -> None:
    """Ask for periodic jobs and publish what was counted, until `stop`; then once more."""
    while not stop.wait(_TICK_SECONDS):
        with suppress(RedisError):
            for job, seconds in SCHEDULE_SECONDS.items():
                if redis.set(f"waybill:due:{job}", "1", nx=True, ex=seconds):
                    enqueue(redis, job)
            publish()
    with suppress(RedisError):
        publish()
