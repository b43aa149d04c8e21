"""What a worker runs, and when it asks for periodic jobs."""

import json
import logging
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rq import Callback, Queue, SimpleWorker
from rq.cli.helpers import read_config_file
from rq.job import Job, JobStatus
from rq.webhook import Webhook

from shared.rq_queue import enqueue
from shared.shards.shard_names import ShardNames
from tests.support.build import VARIABLES
from tests.support.fake_redis import FakeServer, FakeStrictRedis
from workers import jobs, process
from workers.jobs import LISTED
from workers.main import (
    SCHEDULE_SECONDS,
    DrainWorker,
    ListedJob,
    RqRedis,
    UnlistedJob,
    keep_time,
    register_again,
)
from workers.process import process_stores


@pytest.fixture
def redis() -> FakeStrictRedis:
    return FakeStrictRedis()


def queued(redis: FakeStrictRedis) -> list[Job]:
    return Queue("pipeline", connection=redis, serializer="json").jobs


def listed(redis: FakeStrictRedis, name: str, **options: Any) -> ListedJob:
    job = ListedJob.create(name, connection=redis, serializer="json", **options)
    assert isinstance(job, ListedJob)
    return job


def work(redis: FakeStrictRedis) -> None:
    """Let a worker do all that is queued, as ours would."""
    queue = Queue("pipeline", connection=redis, serializer="json", job_class=ListedJob)
    worker = SimpleWorker([queue], connection=redis, job_class=ListedJob, serializer="json")
    worker.work(burst=True, logging_level="CRITICAL")


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_listed_job_is_the_function_of_its_name(redis: FakeStrictRedis, name: str) -> None:
    assert listed(redis, name).func is getattr(jobs, name.removeprefix("workers.jobs."))


@pytest.mark.parametrize(
    "name",
    [
        "os.getcwd", "builtins.eval", "subprocess.call", "workers.jobs.process_stores",
        "workers.jobs.enqueue", "workers.jobs._inbox", "workers.jobs", "drain", "jobs.drain",
        "workers.jobs.drain ", "workers.main.DrainWorker.work", "",
    ],
)  # fmt: skip
def test_any_other_name_is_refused(redis: FakeStrictRedis, name: str) -> None:
    job = listed(redis, name)

    with pytest.raises(UnlistedJob):
        _ = job.func


def test_a_method_of_a_smuggled_object_is_refused(redis: FakeStrictRedis) -> None:
    job = listed(redis, "workers.jobs.drain")
    job.data = json.dumps(["workers.jobs.drain", {"an": "object"}, [], {}]).encode()

    with pytest.raises(UnlistedJob):
        _ = job.func


def test_a_worker_does_not_run_what_is_not_listed(redis: FakeStrictRedis, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    job = Queue("pipeline", connection=redis, serializer="json").enqueue("os.mkdir", str(trace))

    work(redis)

    assert not trace.exists()
    assert job.get_status() is JobStatus.FAILED


def test_a_job_calls_back_nobody(redis: FakeStrictRedis) -> None:
    back = Callback("os.getcwd")
    job = listed(redis, "workers.jobs.sweep", on_success=back, on_failure=back, on_stopped=back)

    assert job.success_callback is None
    assert job.failure_callback is None
    assert job.stopped_callback is None


def test_a_job_out_of_redis_calls_back_nobody_either(redis: FakeStrictRedis) -> None:
    back = Callback("os.getcwd")
    Job.create(
        "workers.jobs.sweep", connection=redis, serializer="json", id="j",
        on_success=back, on_failure=back, on_stopped=back,
    ).save()  # fmt: skip

    job = ListedJob.fetch("j", connection=redis, serializer="json")

    assert [job.success_callback, job.failure_callback, job.stopped_callback] == [None] * 3


def test_a_job_tells_no_webhook(redis: FakeStrictRedis, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hook = Webhook("http://127.0.0.1:1/", "failed")
    job = listed(redis, "os.getcwd", webhooks=[hook])

    job.send_webhooks(JobStatus.FAILED, exc_string="")

    assert caplog.text == ""


def test_a_failed_job_keeps_nothing_that_a_sender_sent(redis: FakeStrictRedis) -> None:
    job = Queue("pipeline", connection=redis, serializer="json").enqueue("os.getcwd")

    work(redis)

    result = job.latest_result()
    assert result is not None
    assert "UnlistedJob" in (result.exc_string or "")


class Ticks(threading.Event):
    """Time that passes at once: so many ticks, then it is set."""

    def __init__(self, ticks: int) -> None:
        super().__init__()
        self.left = ticks

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        assert 0 < timeout <= 1
        self.left -= 1
        return self.left < 0


def publish_nothing() -> None:
    pass


def test_the_first_tick_asks_for_every_periodic_job(redis: FakeStrictRedis) -> None:
    keep_time(redis, Ticks(1), publish_nothing)

    assert {job.func_name for job in queued(redis)} == {
        "workers.jobs.sweep", "workers.jobs.count", "workers.jobs.upkeep", "workers.jobs.claim",
        "workers.jobs.retry_set_aside", "workers.jobs.decide_due",
        "workers.jobs.expire", "workers.jobs.close_days", "workers.jobs.alert",
    }  # fmt: skip


def test_a_job_is_asked_for_once_within_its_time_however_many_workers_keep_it(
    redis: FakeStrictRedis,
) -> None:
    for _ in range(3):
        keep_time(redis, Ticks(5), publish_nothing)

    assert len(queued(redis)) == len(SCHEDULE_SECONDS)


def test_a_job_is_due_again_when_its_time_has_passed(redis: FakeStrictRedis) -> None:
    keep_time(redis, Ticks(1), publish_nothing)
    for job, seconds in SCHEDULE_SECONDS.items():
        assert (seconds - 1) * 1000 < redis.pttl(f"waybill:due:{job}") <= seconds * 1000

    redis.delete("waybill:due:sweep")
    keep_time(redis, Ticks(1), publish_nothing)

    assert [job.func_name for job in queued(redis)].count("workers.jobs.sweep") == 2
    assert [job.func_name for job in queued(redis)].count("workers.jobs.upkeep") == 1


def test_time_is_kept_through_an_outage_of_redis() -> None:
    server = FakeServer()
    redis = FakeStrictRedis(server=server)
    server.connected = False
    keep_time(redis, Ticks(3), publish_nothing)

    server.connected = True
    keep_time(redis, Ticks(1), publish_nothing)

    assert len(queued(redis)) == len(SCHEDULE_SECONDS)


def test_nothing_is_asked_for_after_the_end(redis: FakeStrictRedis) -> None:
    keep_time(redis, Ticks(0), publish_nothing)

    assert queued(redis) == []


def born(redis: FakeStrictRedis) -> DrainWorker:
    queue = Queue("pipeline", connection=redis, serializer="json")
    worker = DrainWorker([queue], connection=redis, serializer="json")
    worker.register_birth()  # type: ignore[no-untyped-call]
    return worker


def test_a_worker_is_seen_again_after_redis_has_lost_its_data(redis: FakeStrictRedis) -> None:
    worker = born(redis)
    redis.flushall()
    worker.heartbeat()  # leaves a part of the entry behind

    register_again(worker)

    assert [seen.name for seen in DrainWorker.all(connection=redis)] == [worker.name]
    assert redis.smembers("rq:workers:pipeline") == {worker.key.encode()}
    assert 0 < redis.ttl(worker.key) <= worker.worker_ttl + 60


def test_a_registered_worker_is_left_as_it_is(redis: FakeStrictRedis) -> None:
    worker = born(redis)
    redis.hset(worker.key, "birth", "earlier")

    register_again(worker)

    assert redis.hget(worker.key, "birth") == b"earlier"


def test_a_worker_that_has_ended_or_not_begun_is_not_seen(redis: FakeStrictRedis) -> None:
    worker = born(redis)
    worker.register_death()  # type: ignore[no-untyped-call]
    register_again(worker)
    register_again(DrainWorker([Queue("pipeline", connection=redis)], connection=redis))

    assert DrainWorker.all(connection=redis) == []


def test_what_we_enqueue_is_what_a_worker_will_run(redis: FakeStrictRedis) -> None:
    for name in ("drain", "sweep", "upkeep"):
        enqueue(redis, name)

    fetched = [
        ListedJob.fetch(job.id, connection=redis, serializer="json") for job in queued(redis)
    ]

    assert [job.func for job in fetched] == [jobs.drain, jobs.sweep, jobs.upkeep]


def test_a_job_that_is_no_json_is_not_run(redis: FakeStrictRedis) -> None:
    enqueue(redis, "sweep")
    (job,) = queued(redis)
    redis.hset(job.key, "data", zlib.compress(b"\x80\x04cos\ngetcwd\n."))

    work(redis)

    assert Job.fetch(job.id, connection=redis).get_status() is JobStatus.FAILED


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment of a worker that has yet to read it."""
    variables = dict(VARIABLES)
    monkeypatch.setattr(process, "environment", lambda: variables)
    process_stores.cache_clear()
    sys.modules.pop("workers.rq_settings", None)
    yield variables
    process_stores.cache_clear()


def test_rq_opens_redis_by_our_own_door_so_that_it_knows_sentinels_and_the_shard(
    variables: dict[str, str],
) -> None:
    variables |= {"WAYBILL_SHARD": "3", "RQ_KEY_PREFIX": "{3}:rq"}
    opened = RqRedis.from_url("redis+sentinel://localhost:1/main")

    assert "service=main" in repr(opened.connection_pool)
    assert opened.names == ShardNames(3)


def test_rq_is_told_the_address_of_redis_by_our_settings(
    variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "url").write_text("redis://elsewhere/1\n")
    variables["REDIS_URL_FILE"] = str(tmp_path / "url")
    del variables["REDIS_URL"]

    told = read_config_file("workers.rq_settings")  # type: ignore[no-untyped-call]
    assert told == {"REDIS_URL": "redis://elsewhere/1"}


def test_faults_of_settings_end_a_worker_before_its_first_job(variables: dict[str, str]) -> None:
    variables["WAYBILL_DURABILITY"] = "maybe"

    with pytest.raises(SystemExit, match="WAYBILL_DURABILITY must be strict or relaxed"):
        read_config_file("workers.rq_settings")  # type: ignore[no-untyped-call]
