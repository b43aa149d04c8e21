"""How the installation does, from Redis; what PostgreSQL knows of it may be missing while that is
down.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from console.pipeline.set_aside import count_set_aside
from shared.database import Connection, DatabaseError
from shared.errors import OperatorError
from shared.inbox import measure
from shared.redis import Redis
from shared.rq_queue import waiting_jobs


@dataclass(frozen=True)
class Status:
    """`backlog_events` wait in the inbox, the oldest since `oldest_ms`; `accepted` ever.

    `set_aside_users` had a decision that failed; None: PostgreSQL was not asked, or is down.
    """

    backlog_events: int
    oldest_ms: int
    accepted: int
    waiting_jobs: int
    set_aside_users: int | None = None


def read_status(redis: Redis) -> Status:
    backlog = measure(redis)
    return Status(backlog.events, backlog.oldest_ms, backlog.accepted, waiting_jobs(redis))


def with_set_aside(
    status: Status, open_connection: Callable[[], AbstractContextManager[Connection]]
) -> Status:
    """Add how many users are set aside, where PostgreSQL answers."""
    try:
        with open_connection() as connection:
            return replace(status, set_aside_users=count_set_aside(connection))
    except (DatabaseError, OperatorError):
        return status
