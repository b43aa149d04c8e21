"""Keeps Redis and the tables in order: the sweep every few seconds, upkeep every minute.

The sweep enqueues a drain if the inbox waits without one, and publishes the snapshot again if Redis
has lost it. Upkeep creates partitions ahead, copies when tokens were last used, and deletes expired
rows and consumers. It also counts anew how many users name the ids that too many do.
"""

from dataclasses import dataclass

from shared.clock import Clock
from shared.database import Connection, run, transaction
from shared.inbox import measure
from shared.keys.rehashing import store_rehashed_tokens
from shared.partitions import make_partitions
from shared.publishing import refresh_snapshot
from shared.redis import Redis
from shared.rq_queue import enqueue, waiting_jobs
from shared.settings import Settings
from shared.token_use import delete_copied_use, tokens_used
from workers.drain.inbox_reader import InboxReader
from workers.maintenance.audit_expiry import delete_audit_entries

WAITED_TOO_LONG_MS = 3_000
CONSUMER_SILENT_MS = 3_600_000

_DELETE_KEYS = "DELETE FROM idempotency_keys WHERE received_at < now() - %s * interval '1 day'"
# Bounded: after an outage of upkeep the rest follows a minute later.
_DELETE_CALLBACKS = """
    DELETE FROM callbacks WHERE id IN (
        SELECT id FROM callbacks
        WHERE created_at < now() - %s * interval '1 day' AND state <> 'waiting'
        LIMIT 50000
    )
"""
_DELETE_DUPLICATES = "DELETE FROM duplicates WHERE received_at < now() - %s * interval '1 day'"
_DELETE_WITHHELD = "DELETE FROM withheld_events WHERE received_at < now() - %s * interval '1 day'"

_DELETE_ACCESS = "DELETE FROM access_requests WHERE requested_at < now() - interval '7 days'"

# A user id is counted when it is found. Bounded: each takes 20 ms at most.
_COUNT_USERS = """
    UPDATE wide_identifiers AS wide SET counted_at = now(), users = (
        SELECT count(*) FROM (
            SELECT FROM identities AS named
            WHERE named.app_id = wide.app_id AND named.environment = wide.environment
              AND named.kind = wide.kind AND named.value = wide.value
            LIMIT 100000
        ) AS named
    )
    WHERE (app_id, environment, kind, value) IN (
        SELECT app_id, environment, kind, value FROM wide_identifiers
        WHERE kind <> 'user' AND users < 100000
        ORDER BY counted_at LIMIT 20
    )
"""

# Each ingest process uses its own clock, so a later use may have a slightly earlier time.
_COPY_USE = """
    UPDATE tokens SET last_used_at = greatest(last_used_at, to_timestamp(used.at_ms / 1000.0))
    FROM unnest(%s::bigint[], %s::bigint[]) AS used (token_id, at_ms)
    WHERE id = used.token_id
"""


@dataclass(frozen=True, slots=True)
class DaysKept:
    """For how many days idempotency keys, callbacks and the audit log are kept; 0: for good."""

    keys: int
    callbacks: int
    audit: int = 0


def days_kept(settings: Settings) -> DaysKept:
    """Returns the days that the settings name."""
    return DaysKept(settings.key_days_min, settings.callback_days_min, settings.audit_days_min)


@dataclass(frozen=True, slots=True)
class UpkeepReport:
    """The work of one upkeep.

    It counts partitions created, tokens whose last use was copied, and the idempotency keys,
    duplicates, callbacks, audit entries and consumers deleted; `published` tells whether the
    snapshot was.
    """

    partitions: int
    tokens_used: int
    keys: int
    duplicates: int
    callbacks: int
    audit_entries: int
    consumers: int
    published: bool

    @property
    def summary(self) -> str:
        """Returns the result of the job."""
        return (
            f"Created {self.partitions} partitions; copied the last use of {self.tokens_used} "
            f"tokens; deleted {self.keys} idempotency keys, {self.duplicates} duplicates, "
            f"{self.callbacks} callbacks, {self.audit_entries} audits, {self.consumers} consumers"
            + ("; published the snapshot" if self.published else "")
        )


def wake_waiting_inbox(redis: Redis) -> bool:
    """Enqueues a drain if the oldest entry has waited too long and no job is queued."""
    if measure(redis).oldest_ms < WAITED_TOO_LONG_MS or waiting_jobs(redis):
        return False
    enqueue(redis, "drain")
    return True


def snapshot_is_lost(redis: Redis) -> bool:
    """Tells whether Redis lacks the snapshot, its index or its version."""
    names = redis.names
    return redis.exists(names.snapshot, names.snapshot_version, names.snapshot_index) != 3


def restore_snapshot(connection: Connection, redis: Redis, secret_key: bytes) -> bool:
    """Publishes the snapshot if the tables hold something else than Redis; tells whether it did."""
    with transaction(connection):
        return refresh_snapshot(connection, redis, secret_key) is not None


def copy_token_use(connection: Connection, redis: Redis) -> int:
    """Copies when tokens were last used into their table; returns the number of tokens used."""
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
    days_min: DaysKept,
    now: Clock,
) -> UpkeepReport:
    """Runs all upkeep once."""
    run(connection, _DELETE_WITHHELD, (days_min.keys,))
    run(connection, _DELETE_ACCESS)
    run(connection, _COUNT_USERS)
    store_rehashed_tokens(connection, redis, secret_key)  # before the snapshot is published
    return UpkeepReport(
        partitions=len(make_partitions(connection, now())),
        tokens_used=copy_token_use(connection, redis),
        keys=run(connection, _DELETE_KEYS, (days_min.keys,)).rowcount,
        duplicates=run(connection, _DELETE_DUPLICATES, (days_min.keys,)).rowcount,
        callbacks=run(connection, _DELETE_CALLBACKS, (days_min.callbacks,)).rowcount,
        audit_entries=delete_audit_entries(connection, days_min.audit),
        consumers=inbox.delete_consumers(CONSUMER_SILENT_MS),
        published=restore_snapshot(connection, redis, secret_key),
    )
