"""What is asked of RQ, and how Redis is connected to."""

import json
import zlib

import pytest
from fakeredis import FakeStrictRedis
from rq import Queue
from rq.job import Job

from shared.queues import (
    AsyncRedis,
    Redis,
    connect,
    connect_ingest,
    enqueue,
    stream_entries,
    waiting_jobs,
)

URL = "redis://localhost:1/0"


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


def test_a_stream_that_is_not_there_has_no_entries() -> None:
    assert stream_entries(None) == []
    assert stream_entries([]) == []


@pytest.mark.parametrize("client", [connect(URL), connect_ingest(URL, 700)])
def test_no_client_sends_a_write_twice_by_itself(client: Redis | AsyncRedis) -> None:
    retry = client.connection_pool.connection_kwargs["retry"]

    assert retry.get_retries() == 0


def test_ingest_waits_for_redis_no_longer_than_it_is_told() -> None:
    options = connect_ingest(URL, 700).connection_pool.connection_kwargs

    assert options["socket_timeout"] == 0.7
    assert options["socket_connect_timeout"] == 0.7
