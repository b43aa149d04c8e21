"""Imports a file through the inbox into the tables, as a worker would store it."""

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

import pytest

from console.apps.apps import App, create_app
from console.importer.imports import Import
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.errors import OperatorError
from shared.imports.line_import import ImportLimits, ImportResult
from shared.imports.line_reader import file_lines
from shared.inbox import measure
from shared.integration_log import unread_counts
from shared.rq_queue import waiting_jobs
from tests.integration.old_days import OLD_MS, drop_old_days
from tests.integration.workers.conftest import Bench
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES

LIMITS = ImportLimits(batch_events_max=3, batch_bytes_max=1_000_000)
DAY_MS = 86_400_000

Line = dict[str, Any]


def event(number: int, **changes: Any) -> Line:
    line = {"type": "event", "time": OLD_MS + number, "user_id": "u", "event_id": "purchase"}
    return line | changes


@pytest.fixture(autouse=True)
def _without_old_days(connection: Connection) -> Iterator[None]:
    yield
    drop_old_days(connection)


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


@pytest.mark.parametrize("first", ["blog", "forum"])
def test_of_two_imported_clicks_of_one_id_the_first_that_is_stored_counts(
    resources: Resources, shop: App, bench: Bench, first: str
) -> None:
    times = {"blog": OLD_MS, "forum": OLD_MS + 1}
    order = sorted(times, key=lambda site: site != first)
    for site in order:
        click = {"type": "click", "time": times[site], "click_id": "c"}
        imported(resources, shop, [click | {"parameters": {"site": site}}])
        bench.drain()
    imported(resources, shop, [event(5, click_id="c")])
    bench.drain()

    assert bench.connection.execute("SELECT origin FROM clicks").fetchall() == [(first,)]
    assert bench.connection.execute("SELECT origin FROM attributions").fetchall() == [(first,)]


def test_of_two_clicks_of_one_id_in_one_file_the_earlier_counts(
    resources: Resources, shop: App, bench: Bench
) -> None:
    click = {"type": "click", "click_id": "c"}
    later = click | {"time": OLD_MS + 1, "parameters": {"site": "forum"}}
    earlier = click | {"time": OLD_MS, "parameters": {"site": "blog"}}
    imported(resources, shop, [later, earlier, event(5, click_id="c")])
    bench.drain()

    assert bench.connection.execute("SELECT origin FROM clicks").fetchall() == [("blog",)]
    assert bench.connection.execute("SELECT origin FROM attributions").fetchall() == [("blog",)]


def test_what_is_not_used_of_a_file_is_counted_in_the_integration_check(
    resources: Resources, shop: App, bench: Bench
) -> None:
    unfilled = event(1, id="{order}", ip="unknown", user_agent="{{ua}}", parameters={"ip": "own"})
    imported(resources, shop, [unfilled, unfilled, event(2), event(3, user_id="undefined")])
    bench.drain()

    counts = unread_counts(resources.redis, shop.id, 0)
    assert {(source.endpoint, source.name): count.count for source, count in counts.items()} == {
        ("import", "id"): 2,
        ("import", "ip"): 2,
        ("import", "user_agent"): 2,
        ("import", "user_id"): 1,
    }
    stored = bench.connection.execute(
        "SELECT parameters, ip_address, user_agent FROM events WHERE parameters ? 'id'"
    ).fetchall()
    kept = {"id": "{order}", "ip": "own", "ip (2)": "unknown", "user_agent": "{{ua}}"}
    assert stored == [(kept, None, None)]


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
    assert (backlog.events, resources.redis.xlen(NAMES.inbox)) == (7, 3)
    assert waiting_jobs(resources.redis) == 1


def test_a_batch_is_bounded_in_bytes_too(resources: Resources, shop: App) -> None:
    limits = ImportLimits(batch_events_max=100, batch_bytes_max=1_500)
    events = (event(number, event_value="x" * 900) for number in range(5))

    imported(resources, shop, events, limits)

    assert resources.redis.xlen(NAMES.inbox) == 5


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
