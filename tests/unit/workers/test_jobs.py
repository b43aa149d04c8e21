"""The list of jobs: complete, and nothing else."""

import inspect

from shared import queues
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


def test_every_scheduled_job_is_listed() -> None:
    assert {f"workers.jobs.{job}" for job in SCHEDULE_SECONDS} <= jobs.LISTED


def test_no_job_may_run_longer_than_rq_lets_it() -> None:
    assert queues._JOB_SECONDS_MAX > 5  # the default of drain_seconds_max
