"""The list of jobs: complete, and nothing else."""

import inspect

from shared import rq_queue
from workers import jobs
from workers.main import SCHEDULE_SECONDS


def test_every_listed_job_is_a_function_without_arguments() -> None:
    for name in jobs.LISTED:
        module, _, function = name.rpartition(".")
        job = getattr(jobs, function)
        assert module == "workers.jobs"
        assert inspect.signature(job).parameters == {}
        assert inspect.signature(job).return_annotation is str


def test_every_job_of_the_module_is_listed() -> None:
    public = {
        f"workers.jobs.{name}"
        for name, job in inspect.getmembers(jobs, inspect.isfunction)
        if job.__module__ == "workers.jobs" and not name.startswith("_")
    }

    assert public == jobs.LISTED


def test_jobs_under_the_names_of_the_last_version_run_what_they_ran() -> None:
    assert jobs.count is jobs.roll_up
    assert jobs.remember is jobs.restore_seen
    assert jobs.claim is jobs.backfill_event_types


def test_every_scheduled_job_is_listed() -> None:
    assert {f"workers.jobs.{job}" for job in SCHEDULE_SECONDS} <= jobs.LISTED


def test_no_job_may_run_longer_than_rq_lets_it() -> None:
    assert rq_queue._JOB_SECONDS_MAX > 5  # the default of drain_seconds_max
