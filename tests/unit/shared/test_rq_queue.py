"""Tests the use of RQ."""

import json
import zlib

import pytest
from rq import Queue
from rq.job import Job

from shared.rq_queue import enqueue, waiting_jobs
from tests.support.fake_redis import FakeStrictRedis


@pytest.fixture
def redis() -> FakeStrictRedis:
    return FakeStrictRedis()


@pytest.fixture
def job(redis: FakeStrictRedis) -> Job:
    enqueue(redis, "drain")
    (queued,) = Queue("pipeline", connection=redis, serializer="json").jobs
    return queued


def test_a_job_is_one_of_workers_jobs_and_holds_no_arguments(job: Job) -> None:
    assert job.func_name == "workers.jobs.drain"
    assert list(job.args or []) == []
    assert job.kwargs == {}


def test_a_jobs_name_is_all_that_the_dashboard_shows_of_it(job: Job) -> None:
    assert job.description == "drain"


def test_a_job_is_written_as_json(redis: FakeStrictRedis, job: Job) -> None:
    written = redis.hget(job.key, "data")
    assert isinstance(written, bytes)

    assert json.loads(zlib.decompress(written)) == ["workers.jobs.drain", None, [], {}]


def test_a_job_calls_back_nobody(job: Job) -> None:
    assert job.success_callback is None
    assert job.failure_callback is None
    assert job.webhooks == []


def test_everything_that_a_job_leaves_behind_goes_in_time(job: Job) -> None:
    assert job.timeout == 60
    assert job.ttl == 300
    assert job.result_ttl == 60
    assert job.failure_ttl == 86_400


def test_jobs_that_no_worker_has_taken_are_counted(redis: FakeStrictRedis) -> None:
    assert waiting_jobs(redis) == 0

    enqueue(redis, "drain")
    enqueue(redis, "sweep")

    assert waiting_jobs(redis) == 2


@pytest.mark.parametrize(
    ("job", "queued_as"),
    [("roll_up", "count"), ("restore_seen", "remember"), ("backfill_event_types", "claim")],
)
def test_a_renamed_job_is_queued_under_the_name_that_workers_of_the_last_version_accept(
    redis: FakeStrictRedis, job: str, queued_as: str
) -> None:
    enqueue(redis, job)

    (queued,) = Queue("pipeline", connection=redis, serializer="json").jobs
    assert queued.func_name == f"workers.jobs.{queued_as}"
    assert queued.description == queued_as
