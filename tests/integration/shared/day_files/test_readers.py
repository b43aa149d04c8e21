"""Readers of events in day files: reports, exports, lists, timelines and repeats."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.apps.unmapped_events import list_unmapped
from console.browse.event_filter import read_filter
from console.browse.event_list import list_events
from console.lookup.trace import TraceState, trace
from console.lookup.user_timeline import user_timeline
from console.reports.period import Period
from console.reports.raw import raw_events
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Kind
from shared.partitions import day_of
from shared.redis import Redis
from tests.integration.counted import count_all, store
from tests.integration.shared.day_files.conftest import OLD_DAYS, Close, ago, received
from tests.support.build import ADMIN
from workers.facts.backfill_event_types import backfill_event_types
from workers.facts.record import record
from workers.rollups.stale_periods import mark_app_stale

DERIVED = {
    "figures": "SELECT * FROM figures ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 16",
    "reach": "SELECT * FROM reach ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12",
    "comebacks": "SELECT * FROM comebacks ORDER BY 3, 4, 5, 6, 7",
    "earnings": "SELECT * FROM earnings ORDER BY 3, 4, 5, 6, 7, 8",
}


def derived(connection: Connection) -> dict[str, list[Any]]:
    return {name: connection.execute(query.encode()).fetchall() for name, query in DERIVED.items()}


def exported(connection: Connection, app: App) -> list[bytes]:
    @contextmanager
    def borrow() -> Iterator[Connection]:
        yield connection

    first = day_of(ago(OLD_DAYS)) - timedelta(days=2)
    period = Period(first, first + timedelta(days=200))
    return b"".join(raw_events(borrow, app, "production", period)).splitlines()


def test_what_was_counted_exported_and_listed_is_the_same_from_files(
    connection: Connection, redis: Redis, shop: App, close: Close
) -> None:
    events = [
        received(shop, OLD_DAYS + 0.3, user_id="one", event_id="__open", kind=Kind.OPEN),
        *(
            received(
                shop,
                OLD_DAYS - number / 10,
                user_id=f"user {number % 3}",
                sale_amount="5.00",
                sale_amount_currency="EUR",
            )
            for number in range(12)
        ),
        received(shop, 2, user_id="one"),
    ]
    store(connection, *events)
    count_all(connection)
    begin = f"{day_of(ago(200))}"
    wanted = read_filter(connection, shop, "production", {"from": begin}, now_ms())
    of_user = read_filter(
        connection, shop, "production", {"from": begin, "user": "one", "q": "purchase"}, now_ms()
    )

    def seen() -> list[Any]:
        first = list_events(connection, shop, wanted, count=5)
        assert first.after is not None
        return [
            exported(connection, shop),
            first,
            list_events(connection, shop, wanted, count=50),
            list_events(connection, shop, of_user),
            user_timeline(connection, shop, "production", "one", 10),
            [trace(connection, redis, event.receipt) for event in events],
            derived(connection),
        ]

    before = seen()
    assert len(close()) > 1

    assert seen() == before
    mark_app_stale(connection, shop.id)
    assert count_all(connection) > 10
    assert derived(connection) == before[-1], "calculated again from files"


def test_a_repeat_of_an_event_in_a_file_is_not_stored_again(
    connection: Connection, redis: Redis, shop: App, close: Close
) -> None:
    event = received(shop, OLD_DAYS)
    store(connection, event)
    close()

    record(connection, [event, received(shop, 0)])

    rows = connection.execute(b"SELECT receipt FROM events").fetchall()
    assert event.receipt not in {receipt for (receipt,) in rows}
    assert len(rows) == 1
    assert trace(connection, redis, event.receipt).state is TraceState.RECORDED


def test_a_new_event_type_takes_over_events_in_files_and_one_of_each_user_counts(
    connection: Connection, resources: Resources, shop: App, close: Close
) -> None:
    events = [received(shop, OLD_DAYS - at, user_id="u", event_id="level") for at in (0, 0.1)]
    store(connection, *events)
    [files] = [close()]
    assert [each.event_id for each in list_unmapped(connection, shop, "production", 5)] == ["level"]

    create_event_type(resources, ADMIN, shop, NewEventType("level", "Level", unique=True))
    assert backfill_event_types(connection, 30).events == 2

    assert list_unmapped(connection, shop, "production", 5) == []
    records = [trace(connection, resources.redis, event.receipt).event for event in events]
    assert [(each and each.event_type, each and each.counted) for each in records] == [
        ("Level", True),
        ("Level", False),
    ]
    assert files
