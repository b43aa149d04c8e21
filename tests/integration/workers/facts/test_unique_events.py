"""Unique events in the tables: whatever the order, the earliest by event time counts, and once."""

import threading
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database import Connection, connect
from shared.events import Event
from tests.integration.conftest import empty
from tests.integration.fresh import fresh
from workers.facts.record import record

HOUR_MS = 3_600_000
WORKERS = 4


def make_type(connection: Connection, *, unique: bool = True) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop')")
    connection.execute(
        "INSERT INTO event_types (app_id, name, mapping_id, event_token, is_unique) "
        "SELECT id, 'First', 'first', 'once', %s FROM apps",
        (unique,),
    )


def first(connection: Connection, at_ms: int, user: str = "u", **changes: Any) -> Event:
    row = connection.execute("SELECT id FROM apps").fetchone()
    assert row is not None
    given: dict[str, Any] = {"app_id": row[0], "event_id": "first", "user_id": user, **changes}
    return fresh(**given, event_time_ms=1_795_000_000_000 + at_ms)


def counted(connection: Connection) -> dict[str, list[int]]:
    """Event times that count, by user, in milliseconds since the first there may be."""
    rows = connection.execute(
        "SELECT user_id, (extract(epoch FROM event_time) * 1000)::bigint - 1795000000000 "
        "FROM events WHERE counted ORDER BY 1, 2"
    )
    found: dict[str, list[int]] = {}
    for user, at_ms in rows:
        found.setdefault(user, []).append(at_ms)
    return found


def test_a_late_event_takes_the_place_of_a_later_one(connection: Connection) -> None:
    make_type(connection)

    record(connection, [first(connection, 50), first(connection, 70, "v")])
    record(connection, [first(connection, 90), first(connection, 20)])

    assert counted(connection) == {"u": [20], "v": [70]}
    assert connection.execute("SELECT count(*) FROM events").fetchone() == (4,)


def test_an_event_type_that_is_not_unique_counts_each_time(connection: Connection) -> None:
    make_type(connection, unique=False)

    record(connection, [first(connection, 50), first(connection, 50)])

    assert counted(connection) == {"u": [50, 50]}


def test_the_hour_of_an_event_that_no_longer_counts_is_counted_anew(connection: Connection) -> None:
    make_type(connection)
    record(connection, [first(connection, HOUR_MS * 5)])
    connection.execute("DELETE FROM stale_periods")

    record(connection, [first(connection, 0)])

    stale = connection.execute("SELECT count(DISTINCT start) FROM stale_periods").fetchone()
    assert stale == (2,)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    told=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("uv")), min_size=1, max_size=8),
    data=st.data(),
)
def test_order_repetition_and_borders_of_batches_change_nothing(
    connection: Connection, told: list[tuple[int, str]], data: st.DataObject
) -> None:
    empty(connection)
    make_type(connection)
    events = [first(connection, at_ms, user) for at_ms, user in told]
    order = data.draw(st.permutations([*events, *events]))
    cut = data.draw(st.integers(0, len(order)))

    for batch in (order[:cut], order[cut:], order[:cut]):
        record(connection, batch)

    expected = {
        user: [min(at_ms for at_ms, of in told if of == user)]
        for user in {user for _, user in told}
    }
    assert counted(connection) == expected
    rows = connection.execute("SELECT count(*) FROM unique_events").fetchone()
    assert rows == (len(expected),)


def test_workers_at_one_user_at_once_agree_and_nobody_waits_in_a_circle(
    connection: Connection, database_url: str
) -> None:
    make_type(connection)
    batches: list[list[Event]] = [
        [
            first(connection, (worker * 7 + number * 3) % 40 + 1, f"u{number % 5}")
            for number in range(40)
        ]
        for worker in range(WORKERS)
    ]
    faults: list[Exception] = []

    def work(batch: Sequence[Event]) -> None:
        try:
            with connect(database_url, "tests") as own:
                for start in range(0, len(batch), 10):
                    record(own, batch[start : start + 10])
        except Exception as fault:  # noqa: BLE001 - shown by the assertion
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert faults == []
    of_users: dict[str, list[int]] = {}
    for event in (event for batch in batches for event in batch):
        of_users.setdefault(event.user_id, []).append(event.happened_at_ms - 1_795_000_000_000)
    assert counted(connection) == {user: [min(times)] for user, times in of_users.items()}
