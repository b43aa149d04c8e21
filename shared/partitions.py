"""Creates the daily partitions of `events` ahead of time, by functions of the tables' owner.

A partition's bounds are the first receipts of two days, so the receipt alone determines an event's
partition. Rows that arrive before their partition exists (a clock runs ahead, upkeep is late) are
stored in events_default and moved when the partition is created.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from shared.database import Connection, run, transaction
from shared.shards.advisory_locks import AdvisoryLock, lock

DAY_PARTITION = re.compile(r"events_(\d{4})(\d{2})(\d{2})")  # the names that partition_name makes
DAYS_BEHIND = 1
DAYS_AHEAD = 7
_NAME = "events_%Y%m%d"
_PARTITIONS = """
SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'events'::regclass AND relname ~ '^events_[0-9]{8}$' ORDER BY relname
"""


def make_partitions(connection: Connection, now_ms: int) -> list[str]:
    """Creates missing partitions from yesterday to a week ahead, and returns their names."""
    return make_days(connection, days_around(now_ms))


def make_days(connection: Connection, days: Iterable[date]) -> list[str]:
    """Creates missing partitions of these days, each in a transaction; returns their names."""
    created: list[str] = []
    for day in days:
        with transaction(connection):
            lock(connection, AdvisoryLock.CREATE_PARTITIONS)
            if not _exists(connection, partition_name(day)):
                run(connection, "SELECT create_event_partition(%s)", (day,))
                created.append(partition_name(day))
    return created


def drop_days(connection: Connection, last: date) -> int:
    """Drops the partitions of all days up to the last one; returns their number."""
    expired = [day for day in event_days(connection) if day <= last]
    for day in expired:
        drop_day(connection, day)
    return len(expired)


def drop_day(connection: Connection, day: date) -> None:
    """Drops the partition of a day, with its events."""
    run(connection, "SELECT drop_event_partition(%s)", (day,))


def event_days(connection: Connection) -> list[date]:
    """Returns the days that have a partition, in order."""
    names = [name for (name,) in run(connection, _PARTITIONS)]
    return [datetime.strptime(name, _NAME).replace(tzinfo=UTC).date() for name in names]


def has_partition(connection: Connection, day: date) -> bool:
    """Tells whether this day's partition exists."""
    return _exists(connection, partition_name(day))


def day_of(time_ms: int) -> date:
    """Returns the UTC day of a moment."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).date()


def days_around(now_ms: int) -> list[date]:
    """Returns the days that must have a partition now."""
    today = day_of(now_ms)
    return [today + timedelta(days=step) for step in range(-DAYS_BEHIND, DAYS_AHEAD + 1)]


def partition_name(day: date) -> str:
    """Returns the name of a day's partition."""
    return f"events_{day:%Y%m%d}"


def _exists(connection: Connection, name: str) -> bool:
    row = run(connection, "SELECT to_regclass(%s)", (name,)).fetchone()
    return row is not None and row[0] is not None
