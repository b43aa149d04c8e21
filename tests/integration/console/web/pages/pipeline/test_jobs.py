"""Tests the page of RQ's jobs."""

from shared.redis import Redis
from shared.rq_queue import waiting_jobs
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.failed_job import fail_job

pytestmark = ON_ONE_PAIR
AT = "/operations/jobs"
MARKUP = "<img src=x onerror=alert(1)>"


def test_operations_counts_jobs_by_state_and_leads_to_those_that_failed(
    redis: Redis, viewer: Browser
) -> None:
    markup = viewer.get("/operations").text
    assert "Jobs none failed Queued 0 Started 0 Deferred 0 Scheduled 0" in viewer.text
    assert f'href="{AT}"' in markup
    fail_job(redis)

    viewer.get("/operations")

    assert "Jobs 1 failed" in viewer.text


def test_a_viewer_reads_why_a_job_failed_and_has_no_buttons(redis: Redis, viewer: Browser) -> None:
    assert viewer.get(AT).status_code == 200
    assert "No failed jobs" in viewer.text
    job_id = fail_job(redis)
    redis.hset(f"rq:job:{job_id}", "description", MARKUP)

    markup = viewer.get(AT).text

    assert f"{MARKUP} {job_id}" in viewer.text
    assert "ZeroDivisionError at failed_job.py" in viewer.text
    assert "<img src=x" not in markup
    assert f"{AT}/{job_id}/retry" not in markup


def test_an_admin_retries_one_failed_job_and_deletes_another(redis: Redis, admin: Browser) -> None:
    first, second = fail_job(redis), fail_job(redis)
    admin.get(AT)

    admin.send(f"{AT}/{first}/retry")
    assert "The job is back in the queue." in admin.text
    admin.send(f"{AT}/{second}/delete")
    assert "The job was deleted." in admin.text

    assert waiting_jobs(redis) == 1
    assert "No failed jobs" in admin.text


def test_a_job_that_somebody_else_has_retried_is_said_to_be_gone(
    redis: Redis, admin: Browser
) -> None:
    job_id = fail_job(redis)
    admin.get(AT)
    admin.send(f"{AT}/{job_id}/delete")

    result = admin.post(f"{AT}/{job_id}/retry", {"csrf": admin.page.forms[0].fields["csrf"]})

    assert result.status_code == 422
    assert "There is no failed job with this ID" in admin.text
