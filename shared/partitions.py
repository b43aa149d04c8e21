"""Daily partitions of `events`, made ahead.

A partition's bounds are the first receipts of two days, so an event finds its day by its receipt
alone. Rows that came before their partition (a clock ahead, upkeep late) stand in events_default
and are moved when the partition is made.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from shared.database import Connection, run, transaction
from shared.ids import receipt_floor

DAYS_BEHIND = 1
DAYS_AHEAD = 7
_LOCK = 7_246_003


def make_partitions(connection: Connection, now_ms: int) -> list[str]:
    """Make what is missing from yesterday to a week ahead; the names of those made."""
    return make_days(connection, days_around(now_ms))


def make_days(connection: Connection, days: Iterable[date]) -> list[str]:
    """Make what is missing of these; the names of those made. A transaction each."""
    made: list[str] = []
    for day in days:
        with transaction(connection):
            run(connection, "SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            if not _exists(connection, partition_name(day)):
                _make(connection, day)
                made.append(partition_name(day))
    return made


def has_partition(connection: Connection, day: date) -> bool:
    return _exists(connection, partition_name(day))


def day_of(time_ms: int) -> date:
    """The UTC day of a moment."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).date()


def days_around(now_ms: int) -> list[date]:
    today = day_of(now_ms)
    return [today + timedelta(days=step) for step in range(-DAYS_BEHIND, DAYS_AHEAD + 1)]


def partition_name(day: date) -> str:
    return f"events_{day:%Y%m%d}"


def partition_bounds(day: date) -> tuple[UUID, UUID]:
    """First id of that day and of the next."""
    return _midnight(day), _midnight(day + timedelta(days=1))


def _midnight(day: date) -> UUID:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return receipt_floor(int(midnight.timestamp()) * 1000)


def _exists(connection: Connection, name: str) -> bool:
    row = run(connection, "SELECT to_regclass(%s)", (name,)).fetchone()
    return row is not None and row[0] is not None


def _make(connection: Connection, day: date) -> None:
    # Name and bounds are made of a date alone: nothing from outside reaches this SQL.
    name, (lower, upper) = partition_name(day), partition_bounds(day)
    statements = f"""
        CREATE TABLE {name} (LIKE events INCLUDING ALL);
        LOCK TABLE events_default IN ACCESS EXCLUSIVE MODE;
        WITH early AS (
            DELETE FROM events_default
            WHERE receipt >= '{lower}' AND receipt < '{upper}'
            RETURNING *
        )
        INSERT INTO {name} SELECT * FROM early;
        ALTER TABLE events ATTACH PARTITION {name} FOR VALUES FROM ('{lower}') TO ('{upper}');
    """  # noqa: S608
    run(connection, statements)
