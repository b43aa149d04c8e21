"""How the installation does, from Redis alone: it can be asked while PostgreSQL is down."""

from dataclasses import dataclass

from shared.inbox import measure
from shared.queues import Redis, waiting_jobs


@dataclass(frozen=True)
class Status:
    """`backlog_events` wait in the inbox, the oldest since `oldest_ms`; `accepted` ever."""

    backlog_events: int
    oldest_ms: int
    accepted: int
    waiting_jobs: int


def read_status(redis: Redis) -> Status:
    backlog = measure(redis)
    return Status(backlog.events, backlog.oldest_ms, backlog.accepted, waiting_jobs(redis))
