"""Tests what people see of RQ's jobs, and what they may do with those that failed."""

import pytest

from console.actor import Actor, Role
from console.audit import list_changes
from console.pipeline.jobs import delete_job, report_jobs, retry_job
from console.resources import Resources
from shared.errors import BadValue, NotAllowed, OperatorError
from shared.rq_queue import enqueue, waiting_jobs
from tests.integration.console.conftest import Ask
from tests.support.build import ADMIN
from tests.support.failed_job import fail_job

VIEWER = Actor("console:Vera", Role.VIEWER)


def test_a_failed_job_is_listed_with_its_kind_and_place_and_without_data(
    resources: Resources,
) -> None:
    job_id = fail_job(resources.redis)

    report = report_jobs(resources.redis, 10)

    (failed,) = report.failed
    assert report.counts == {
        "queued": 0,
        "started": 0,
        "deferred": 0,
        "scheduled": 0,
        "failed": 1,
        "finished": 0,
    }
    assert (failed.id, failed.name) == (job_id, "roll_up")
    assert failed.reason.startswith("ZeroDivisionError at failed_job.py:")
    assert "ben@me.example" not in failed.reason
    assert failed.enqueued_at is not None
    assert failed.enqueued_at <= failed.failed_at


def test_the_last_failures_come_first_and_no_more_than_are_wanted(resources: Resources) -> None:
    ids = [fail_job(resources.redis) for _ in range(3)]

    listed = report_jobs(resources.redis, 2).failed

    assert {job.id for job in listed} <= set(ids)
    assert len(listed) == 2
    assert listed[0].failed_at >= listed[1].failed_at


def test_a_retried_job_waits_again_once_however_often_it_is_retried(resources: Resources) -> None:
    job_id = fail_job(resources.redis)

    retry_job(resources, ADMIN, job_id)

    assert waiting_jobs(resources.redis) == 1
    assert report_jobs(resources.redis, 10).failed == []
    with pytest.raises(OperatorError, match="no failed job with this ID"):
        retry_job(resources, ADMIN, job_id)
    assert waiting_jobs(resources.redis) == 1
    (change,) = list_changes(resources.connection, None, 10)
    assert (change.action, change.subject) == ("job.retry", job_id)


def test_a_deleted_job_is_gone(resources: Resources) -> None:
    job_id = fail_job(resources.redis)

    delete_job(resources, ADMIN, job_id)

    assert resources.redis.keys("rq:job:*") == []
    assert report_jobs(resources.redis, 10).counts["failed"] == 0
    (change,) = list_changes(resources.connection, None, 10)
    assert (change.action, change.subject) == ("job.delete", job_id)


def test_a_job_that_has_not_failed_can_be_neither_retried_nor_deleted(resources: Resources) -> None:
    enqueue(resources.redis, "drain")
    (waiting,) = (str(key).strip("b'")[7:] for key in resources.redis.keys("rq:job:*"))

    for change in (retry_job, delete_job):
        for job_id in (waiting, "unknown", "", "a:b"):
            with pytest.raises(OperatorError, match="no failed job with this ID"):
                change(resources, ADMIN, job_id)

    assert waiting_jobs(resources.redis) == 1


def test_a_viewer_changes_no_job(resources: Resources) -> None:
    job_id = fail_job(resources.redis)

    for change in (retry_job, delete_job):
        with pytest.raises(NotAllowed):
            change(resources, VIEWER, job_id)

    assert report_jobs(resources.redis, 10).counts["failed"] == 1


def test_jobs_are_listed_retried_and_deleted_from_the_command_line(
    ask: Ask, resources: Resources
) -> None:
    first, second = fail_job(resources.redis), fail_job(resources.redis)
    listed = ask("jobs", "list")

    assert ask("jobs", "retry", first) == {"retried": first}
    assert ask("jobs", "delete", second) == {"deleted": second}

    assert {job["id"] for job in listed["failed"]} == {first, second}
    assert ask("jobs", "list")["counts"]["queued"] == 1
    assert "no failed job" in ask("jobs", "retry", first, status=1)["error"]["message"]


def test_failed_jobs_are_read_page_by_page_also_while_some_are_retried(
    resources: Resources,
) -> None:
    ids = {fail_job(resources.redis) for _ in range(5)}
    key = "rq:failed:pipeline"
    first, *_ = sorted(ids)
    second = int(resources.redis.zscore(key, first) or 0)
    resources.redis.zadd(key, dict.fromkeys(ids, second) | {first: second - 1})

    pages: list[set[str]] = []
    before = None
    while len(pages) < 4:
        report = report_jobs(resources.redis, 2, before)
        pages.append({job.id for job in report.failed})
        before = report.older
        if before is None:
            break
        retry_job(resources, ADMIN, min(pages[-1]))  # the last of a page may be gone

    assert [len(page) for page in pages] == [2, 2, 1]
    assert set.union(*pages) == ids
    assert pages[-1] == {first}
    with pytest.raises(BadValue, match="the page before gave"):
        report_jobs(resources.redis, 2, "yesterday")
