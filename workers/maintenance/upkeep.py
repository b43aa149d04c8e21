"""What keeps itself in order: the sweep every few seconds, upkeep every minute.

The sweep wakes an inbox that waits with no drain, and publishes the snapshot again if Redis has
lost it. Upkeep makes partitions ahead, copies when tokens were last used, and forgets what may be
forgotten.
"""

from dataclasses import dataclass

from shared.clock import Clock
from shared.database import Connection, run, transaction
from shared.inbox import measure
from shared.partitions import make_partitions
from shared.publishing import refresh_snapshot
from shared.redis import Redis
from shared.rq_queue import enqueue, waiting_jobs
from shared.snapshot import SNAPSHOT_KEY, VERSION_KEY
from shared.token_use import delete_copied_use, tokens_used
from workers.drain.inbox_reader import InboxReader

WAITED_TOO_LONG_MS = 3_000
CONSUMER_SILENT_MS = 3_600_000

_FORGET_KEYS = "DELETE FROM idempotency_keys WHERE received_at < now() - %s * interval '1 day'"
_FORGET_DUPLICATES = "DELETE FROM duplicates WHERE received_at < now() - %s * interval '1 day'"

# Processes of ingest note by their own clocks, so what comes later may be a little earlier.
_COPY_USE = """
    UPDATE tokens SET last_used_at = greatest(last_used_at, to_timestamp(used.at_ms / 1000.0))
    FROM unnest(%s::bigint[], %s::bigint[]) AS used (token_id, at_ms)
    WHERE id = used.token_id
"""


@dataclass(frozen=True, slots=True)
class Upkept:
    """What upkeep did: partitions made, tokens whose last use was copied, rows and consumers
    forgotten, the snapshot published.
    """

    partitions: int
    tokens_used: int
    keys: int
    duplicates: int
    consumers: int
    published: bool


def wake_waiting_inbox(redis: Redis) -> bool:
    """Ask for a drain if the oldest entry has waited and no job is on its way."""
    if measure(redis).oldest_ms < WAITED_TOO_LONG_MS or waiting_jobs(redis):
        return False
    enqueue(redis, "drain")
    return True


def snapshot_is_lost(redis: Redis) -> bool:
    return redis.exists(SNAPSHOT_KEY, VERSION_KEY) != 2


def restore_snapshot(connection: Connection, redis: Redis, secret_key: bytes) -> bool:
    """Publish again what the tables hold, if Redis holds something else."""
    with transaction(connection):
        return refresh_snapshot(connection, redis, secret_key) is not None


def copy_token_use(connection: Connection, redis: Redis) -> int:
    """Copy when tokens were last used into their table; how many were used since."""
    used = tokens_used(redis)
    if used:
        run(connection, _COPY_USE, (list(used), list(used.values())))
        delete_copied_use(redis, used)
    return len(used)


def upkeep(
    connection: Connection,
    redis: Redis,
    inbox: InboxReader,
    secret_key: bytes,
    key_days_min: int,
    now: Clock,
) -> Upkept:
    return Upkept(
        partitions=len(make_partitions(connection, now())),
        tokens_used=copy_token_use(connection, redis),
        keys=run(connection, _FORGET_KEYS, (key_days_min,)).rowcount,
        duplicates=run(connection, _FORGET_DUPLICATES, (key_days_min,)).rowcount,
        consumers=inbox.forget_consumers(CONSUMER_SILENT_MS),
        published=restore_snapshot(connection, redis, secret_key),
    )
