"""The page of RQ's jobs: how many there are by state, and those that failed."""

from console.pipeline.jobs import delete_job, report_jobs, retry_job
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect

FAILED_SHOWN_MAX = 100
_PATH = "/operations/jobs"


def show(request: PageRequest) -> Answer:
    before = request.query.get("before")
    report = report_jobs(request.services.redis, FAILED_SHOWN_MAX, before)
    return Page("jobs.html", {"report": report, "before": before})


def retry(request: PageRequest, job_id: str) -> Answer:
    retry_job(request.resources, request.actor, job_id)
    return Redirect(_PATH, "The job is back in the queue.")


def delete(request: PageRequest, job_id: str) -> Answer:
    delete_job(request.resources, request.actor, job_id)
    return Redirect(_PATH, "The job was deleted.")
