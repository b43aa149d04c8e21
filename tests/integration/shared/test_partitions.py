"""Daily partitions."""

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event
from shared.ids import new_receipt, receipt_floor
from shared.partitions import (
    DAYS_AHEAD,
    day_of,
    days_around,
    drop_days,
    has_partition,
    make_days,
    make_partitions,
    partition_name,
)
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


_BOUNDS = """
SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = %s
"""


@given(days=st.lists(st.dates(date(2018, 1, 1), date(2025, 12, 31)), max_size=3, unique=True))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_partition_has_the_receipts_of_its_day_and_ends_where_the_next_begins(
    connection: Connection, days: list[date]
) -> None:
    with connection.transaction(force_rollback=True):
        make_days(connection, days)
        for day in days:
            [(bounds,)] = connection.execute(_BOUNDS, (partition_name(day),))
            assert [UUID(text) for text in re.findall(r"'([^']+)'", bounds)] == [
                receipt_floor(_midnight_ms(day)),
                receipt_floor(_midnight_ms(day + timedelta(days=1))),
            ]


def test_every_receipt_of_a_day_falls_into_its_partition(connection: Connection) -> None:
    first_ms = now_ms() // _DAY_MS * _DAY_MS
    receipts = [receipt_floor(first_ms), *(new_receipt(first_ms) for _ in range(20))]
    receipts += [new_receipt(first_ms + _DAY_MS - 1) for _ in range(20)]
    record(connection, [fresh(receipt=receipt) for receipt in receipts])

    stored = connection.execute("SELECT DISTINCT tableoid::regclass::text FROM events").fetchall()

    assert stored == [(partition_name(day_of(first_ms)),)]


def test_a_dropped_day_is_gone(connection: Connection) -> None:
    old = date(2019, 5, 1)
    make_days(connection, [old])
    assert has_partition(connection, old)

    assert drop_days(connection, old) == 1

    assert not has_partition(connection, old)


def _midnight_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
