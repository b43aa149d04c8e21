"""Imports a file through the inbox into the tables, as a worker would store it."""

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

import pytest

from console.apps.apps import App, create_app
from console.importer.imports import Import, ImportLimits, ImportResult
from console.importer.line_reader import file_lines
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.errors import OperatorError
from shared.inbox import INBOX_KEY, measure
from shared.rq_queue import waiting_jobs
from tests.integration.workers.conftest import Bench
from tests.support.build import ADMIN

LIMITS = ImportLimits(batch_events_max=3, batch_bytes_max=1_000_000)
DAY_MS = 86_400_000
OLD_MS = 1_262_304_000_000  # 2010-01-01

Line = dict[str, Any]


def event(number: int, **changes: Any) -> Line:
    line = {"type": "event", "time": OLD_MS + number, "user_id": "u", "event_id": "purchase"}
    return line | changes


@pytest.fixture(autouse=True)
def _without_old_days(connection: Connection) -> Iterator[None]:
    yield
    for (name,) in connection.execute(
        "SELECT relname FROM pg_class WHERE relname LIKE 'events_2010%' AND relkind = 'r'"
    ).fetchall():
        connection.execute(f"DROP TABLE {name}".encode())


def imported(
    resources: Resources,
    app: App,
    lines: Iterable[Line | bytes],
    limits: ImportLimits = LIMITS,
) -> ImportResult:
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    run = Import(resources, ADMIN, app, limits)
    return run.run(file_lines(BytesIO(b"\n".join(texts))), now_ms())


def test_what_was_imported_is_stored_with_its_ids_and_times(
    resources: Resources, shop: App, bench: Bench
) -> None:
    click = {"type": "click", "time": OLD_MS, "click_id": "c", "parameters": {"site": "blog"}}
    bought = event(1, click_id="c", ip="198.51.100.7", parameters={"country": "de"})
    done = imported(resources, shop, [bought, click])
    bench.drain()

    assert (done.lines, done.events, done.clicks, done.bad) == (2, 1, 1, 0)
    stored = bench.connection.execute(
        """
        SELECT endpoint, user_id, event_id, extract(epoch FROM event_time) * 1000, click_id,
               country, tableoid::regclass::text
        FROM events
        """
    ).fetchall()
    assert stored == [("import", "u", "purchase", OLD_MS + 1, "c", "DE", "events_20100101")]
    attributed = bench.connection.execute("SELECT rule, click_id, origin FROM attributions")
    assert attributed.fetchall() == [("click_id", "c", "blog")]


def test_importing_a_file_twice_stores_nothing_twice(
    resources: Resources, shop: App, bench: Bench
) -> None:
    lines = [*(event(number) for number in range(8)), {"type": "click", "time": OLD_MS}]
    imported(resources, shop, lines)
    bench.drain()
    first = bench.receipts("events"), bench.receipts("clicks")

    again = imported(resources, shop, reversed(lines))
    bench.drain()

    assert again.days == 0
    assert (len(first[0]), len(first[1])) == (8, 1)
    assert (bench.receipts("events"), bench.receipts("clicks")) == first


def test_clicks_come_through_the_links_of_the_app_alone(
    resources: Resources, shop: App, bench: Bench
) -> None:
    other = create_app(resources, ADMIN, "Other")
    bench.connection.execute("INSERT INTO partners (name) VALUES ('Partner')")
    bench.connection.execute(
        """
        INSERT INTO links (app_id, partner_id, name, offer_id, pub_id, destination)
        SELECT app, partners.id, 'Link ' || app, app, '5', 'https://example.org/'
        FROM partners, unnest(%s::bigint[]) AS app
        """,
        ([shop.id, other.id],),
    )
    clicks = [
        {"type": "click", "time": OLD_MS, "link": f"Link {shop.id}"},
        {"type": "click", "time": OLD_MS + 1, "offer_id": str(shop.id), "pub_id": "5"},
        {"type": "click", "time": OLD_MS + 2, "link": f"Link {other.id}"},
    ]

    done = imported(resources, shop, clicks)
    bench.drain()

    assert (done.clicks, [bad.number for bad in done.bad_lines]) == (2, [3])
    rows = bench.connection.execute("SELECT origin_kind, count(*) FROM clicks GROUP BY 1")
    assert rows.fetchall() == [("link", 2)]


def test_a_bad_line_is_reported_by_its_number_and_does_not_stop_the_rest(
    resources: Resources, shop: App, bench: Bench
) -> None:
    bad: list[Line | bytes] = [b"{", event(2, time="soon"), b"x" * 100_000]
    lines = [event(1), *bad[:2], b"", event(3), bad[2], event(4)]

    done = imported(resources, shop, lines)
    bench.drain()

    assert (done.lines, done.events, done.bad) == (6, 3, 3)
    assert [(bad.number, bad.field) for bad in done.bad_lines] == [
        (2, None),
        (3, "time"),
        (6, None),
    ]
    assert len(bench.receipts("events")) == 3


def test_only_so_many_bad_lines_are_reported_and_all_are_counted(
    resources: Resources, shop: App
) -> None:
    limits = ImportLimits(3, 1_000_000, bad_lines_max=2)

    done = imported(resources, shop, [b"{"] * 5, limits)

    assert (done.bad, [bad.number for bad in done.bad_lines]) == (5, [1, 2])


def test_events_go_to_the_inbox_in_batches_and_a_drain_is_asked_for_once(
    resources: Resources, shop: App
) -> None:
    imported(resources, shop, (event(number) for number in range(7)))

    backlog = measure(resources.redis)
    assert (backlog.events, resources.redis.xlen(INBOX_KEY)) == (7, 3)
    assert waiting_jobs(resources.redis) == 1


def test_a_batch_is_bounded_in_bytes_too(resources: Resources, shop: App) -> None:
    limits = ImportLimits(batch_events_max=100, batch_bytes_max=1_500)
    events = (event(number, event_value="x" * 900) for number in range(5))

    imported(resources, shop, events, limits)

    assert resources.redis.xlen(INBOX_KEY) == 5


def test_a_file_makes_the_days_that_it_needs_and_not_too_many(
    resources: Resources, shop: App, bench: Bench
) -> None:
    limits = ImportLimits(10, 1_000_000, days_max=3)
    lines = [event(0, time=OLD_MS + day * DAY_MS) for day in (0, 3, 3, 7, 8, 0)]

    done = imported(resources, shop, lines, limits)
    rest = imported(resources, shop, lines, limits)
    bench.drain()

    assert (done.days, done.events, [bad.number for bad in done.bad_lines]) == (3, 5, [5])
    assert "falls on a new day" in done.bad_lines[0].reason
    assert (rest.days, rest.bad) == (1, 0)
    stored = bench.connection.execute("SELECT DISTINCT tableoid::regclass::text FROM events")
    assert sorted(name for (name,) in stored) == [
        "events_20100101",
        "events_20100104",
        "events_20100108",
        "events_20100109",
    ]


def test_an_import_says_so_when_nobody_empties_the_inbox(
    resources: Resources, shop: App, bench: Bench
) -> None:
    limits = ImportLimits(3, 1_000_000, backlog_events_max=5, standstill_seconds_max=0.3)

    with pytest.raises(OperatorError, match="6 events wait"):
        imported(resources, shop, (event(number) for number in range(9)), limits)

    assert measure(resources.redis).events == 6
    assert bench.drain().events == 6
