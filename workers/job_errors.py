"""What is told of a job that failed: RQ keeps it in Redis, logs it, and shows it on its dashboard.

A fault of PostgreSQL quotes the row that caused it, and any other may quote what it choked on. So
only its kind and its place are passed on, never its words.
"""

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from shared.database import DatabaseError, sqlstate
from shared.errors import WaybillError

_PLACES_MAX = 5


class JobFailed(WaybillError):
    """A job ended with a fault; what it was at is still in the inbox or the tables."""

    code = "job_failed"


def without_data(job: Callable[[], str]) -> Callable[[], str]:
    """The job, its faults told without data of events."""

    @wraps(job)
    def guarded() -> str:
        try:
            return job()
        except Exception as fault:  # noqa: BLE001 - whatever it is, its words stay here
            told = described(fault)
        raise JobFailed(told)

    return guarded


def described(fault: Exception) -> str:
    """Kind, SQLSTATE and the innermost places: `UndefinedTable 42P01 at record.py:88 in record`."""
    state = f" {sqlstate(fault)}" if isinstance(fault, DatabaseError) else ""
    places = [
        f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(fault.__traceback__)[-_PLACES_MAX:]
    ]
    return f"{type(fault).__name__}{state} at {', '.join(reversed(places))}"
