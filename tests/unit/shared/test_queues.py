"""What is asked of RQ, and how Redis is connected to."""

import json
import socket
import zlib
from typing import Any

import pytest
from fakeredis import FakeStrictRedis
from rq import Queue
from rq.job import Job

from shared.queues import (
    AsyncRedis,
    Redis,
    connect,
    connect_ingest,
    connect_rq,
    enqueue,
    stream_entries,
    waiting_jobs,
)

URL = "redis://localhost:1/0"
SENTINELS = "redis+sentinel://:secret@localhost:1,localhost:2/main/3"


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


@pytest.mark.parametrize(
    "client",
    [
        connect(URL), connect(SENTINELS), connect("unix:///nowhere"),
        connect_ingest(URL, 700), connect_ingest(SENTINELS, 700),
    ],
)  # fmt: skip
def test_no_client_sends_a_write_twice_by_itself(client: Redis | AsyncRedis) -> None:
    retry = client.connection_pool.connection_kwargs["retry"]

    assert retry.get_retries() == 0


@pytest.mark.parametrize("url", [URL, SENTINELS])
def test_ingest_waits_for_redis_no_longer_than_it_is_told(url: str) -> None:
    options = connect_ingest(url, 700).connection_pool.connection_kwargs

    assert options["socket_timeout"] == 0.7
    assert options["socket_connect_timeout"] == 0.7


@pytest.mark.parametrize("client", [connect(SENTINELS), connect_ingest(SENTINELS, 700)])
def test_sentinels_are_asked_for_the_primary_and_its_password_is_not_for_them(
    client: Redis | AsyncRedis,
) -> None:
    pool: Any = client.connection_pool
    assert pool.connection_kwargs["password"] == "secret"
    assert pool.connection_kwargs["db"] == 3
    assert pool.service_name == "main"
    asked = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    assert [(one["port"], one["password"], one["db"]) for one in asked] == [
        (1, None, 0),
        (2, None, 0),
    ]


@pytest.mark.parametrize("url", [URL, SENTINELS])
def test_a_worker_notices_in_seconds_that_the_host_it_waits_for_is_cut_off(url: str) -> None:
    options = connect_rq(url).connection_pool.connection_kwargs["socket_keepalive_options"]

    idle, interval, count = (
        options[number]
        for number in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    )
    assert idle + interval * count < 15
