"""Daily partitions."""

from datetime import UTC, datetime

from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event
from shared.ids import new_receipt
from shared.partitions import DAYS_AHEAD, days_around, make_partitions, partition_name
from tests.integration.fresh import fresh
from workers.facts.record import record

_DAY_MS = 86_400_000


def _partition_of(connection: Connection, stored: Event) -> str:
    row = connection.execute(
        "SELECT tableoid::regclass::text FROM events WHERE receipt = %s", (stored.receipt,)
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_an_event_stands_in_the_partition_of_the_day_of_its_receipt(connection: Connection) -> None:
    today = fresh(receipt=new_receipt(now_ms()))
    record(connection, [today])

    expected = partition_name(datetime.now(UTC).date())
    assert _partition_of(connection, today) == expected


def test_an_event_of_a_day_without_partition_is_kept_and_moved_when_the_partition_comes(
    connection: Connection,
) -> None:
    later_ms = now_ms() + 40 * _DAY_MS
    early = fresh(receipt=new_receipt(later_ms))
    record(connection, [early])
    assert _partition_of(connection, early) == "events_default"

    made = make_partitions(connection, later_ms)

    assert len(made) == DAYS_AHEAD + 2
    assert _partition_of(connection, early) == partition_name(days_around(later_ms)[1])
    assert make_partitions(connection, later_ms) == []
    for name in made:
        connection.execute(f"DROP TABLE {name}".encode())


def test_a_receipt_is_found_in_one_partition_alone(connection: Connection) -> None:
    stored = fresh(receipt=new_receipt(now_ms()))
    record(connection, [stored])
    plan = connection.execute(
        f"EXPLAIN SELECT 1 FROM events WHERE receipt = '{stored.receipt}'".encode()
    ).fetchall()

    assert not [line for (line,) in plan if "Append" in line], "it looked into several"
