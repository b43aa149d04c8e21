"""Describes the errors of jobs without data: RQ stores, logs and displays them on its dashboard.

An error of PostgreSQL quotes the row that caused it, and any other error may quote its input. So
only its kind and its location are reported, never its text.
"""

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from shared.database import DatabaseError, sqlstate
from shared.errors import WaybillError

_FRAMES_MAX = 5


class JobFailed(WaybillError):
    """A job ended with an error; its work is still in the inbox or the tables."""

    code = "job_failed"


def without_data(job: Callable[[], str]) -> Callable[[], str]:
    """Wraps a job so that its errors are reported without data of events."""

    @wraps(job)
    def guarded() -> str:
        try:
            return job()
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
            description = describe(error)
        raise JobFailed(description)

    return guarded


def describe(error: Exception) -> str:
    """Names kind, SQLSTATE and inner frames: `UndefinedTable 42P01 at record.py:88 in record`."""
    state = f" {sqlstate(error)}" if isinstance(error, DatabaseError) else ""
    frames = [
        f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
    ]
    return f"{type(error).__name__}{state} at {', '.join(reversed(frames))}"
