"""Decisions from committed facts: complete after a crash, one at a time a user, few statements."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.clock import now_ms
from shared.database import Connection, DatabaseError, connect
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from shared.recompute import RecomputeState, read_recompute, request_recompute
from shared.redis import Redis
from tests.integration.crashing import Crash, Crashing
from tests.integration.fresh import fresh
from tests.integration.statements import Counted
from workers.decisions.candidate_clicks import CLICKS_OF_A_PLACE_MAX
from workers.decisions.derive import derive
from workers.decisions.recompute import is_left_undone, recompute
from workers.facts.record import record

MINUTE_MS = 60_000
DAY_MS = 86_400_000
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15"
PLACE = {"ip_address": "8.8.8.8", "user_agent": PHONE}

_IN_FORCE = """
SELECT user_id, rule, click_id FROM attributions JOIN users ON users.id = user_ref
WHERE superseded_at IS NULL ORDER BY user_id, event_time
"""
_TABLES = {
    "attributions": "SELECT user_ref, event_time, receipt, rule, click_id, beaten, considered "
    "FROM attributions WHERE superseded_at IS NULL ORDER BY 1, 2, 3",
    "sessions": "SELECT * FROM sessions ORDER BY 1, 2, 3",
    "activity": "SELECT * FROM activity ORDER BY 1, 2, 3, 4",
    "users": "SELECT * FROM users ORDER BY id",
}


def _click(at_ms: int, **changes: Any) -> Event:
    receipt = new_receipt(at_ms)
    usual: dict[str, Any] = {
        "kind": Kind.CLICK,
        "receipt": receipt,
        "click_id": click_id_of(receipt),
        "event_time_ms": at_ms,
        "user_id": "",
        "event_id": "",
        "link_id": 1,
    }
    return fresh(**{**usual, **changes})


def _open(user: str, at_ms: int, **changes: Any) -> Event:
    return fresh(user_id=user, event_id="__open", kind=Kind.OPEN, event_time_ms=at_ms, **changes)


def _tables(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {name: connection.execute(query.encode()).fetchall() for name, query in _TABLES.items()}


def _store(connection: Connection, *events: Event) -> None:
    record(connection, events)
    derive(connection, events)


def test_a_click_that_comes_after_its_user_is_found_by_it(connection: Connection) -> None:
    at_ms = now_ms() - 10 * MINUTE_MS
    by_place, by_device = _click(at_ms, **PLACE), _click(at_ms, device_ids={"gaid": "A" * 31 + "1"})
    _store(connection, _open("place", at_ms + 1, **PLACE))
    _store(connection, _open("device", at_ms + 1, device_ids={"gps_adid": "a" * 31 + "1"}))
    _store(connection, _open("named", at_ms + 1, click_id=by_place.click_id))
    assert {rule for _, rule, _ in connection.execute(_IN_FORCE)} == {"organic"}

    _store(connection, by_place, by_device)

    assert connection.execute(_IN_FORCE).fetchall() == [
        ("device", "device_id", by_device.click_id),
        ("named", "click_id", by_place.click_id),
        ("place", "address_and_device", by_place.click_id),
    ]
    superseded = connection.execute(
        "SELECT rule FROM attributions WHERE superseded_at IS NOT NULL"
    ).fetchall()
    assert superseded == [("organic",)] * 3


def test_a_click_that_is_recorded_while_its_user_is_being_decided_finds_them(
    connection: Connection,
) -> None:
    """The user's worker has read the clicks already, and has not written what it decided."""
    at_ms = now_ms() - 10 * MINUTE_MS
    click = _click(at_ms, **PLACE)
    record(connection, [_open("user", at_ms + 1, **PLACE)])

    _store(connection, click)

    assert connection.execute(_IN_FORCE).fetchall() == [
        ("user", "address_and_device", click.click_id)
    ]


def test_what_a_click_without_a_source_saw_leads_to_the_partner_click(
    connection: Connection,
) -> None:
    at_ms = now_ms() - 10 * MINUTE_MS
    visit = _click(at_ms + 2000, link_id=None, **PLACE)
    partner = _click(at_ms, **PLACE)
    _store(connection, visit)
    _store(connection, fresh(user_id=visit.click_id, event_time_ms=at_ms + 4000))
    _store(connection, partner)

    (row,) = connection.execute(
        "SELECT rule, click_id, through FROM attributions WHERE superseded_at IS NULL"
    ).fetchall()
    assert row == ("address_and_device", partner.click_id, visit.click_id)


def test_deciding_again_changes_nothing(connection: Connection) -> None:
    at_ms = now_ms() - 100 * MINUTE_MS
    batch = [
        _click(at_ms, **PLACE),
        *(_open(f"user-{n % 3}", at_ms + n * 7 * MINUTE_MS, **PLACE) for n in range(12)),
    ]
    _store(connection, *batch)
    before = _tables(connection)

    derive(connection, batch)
    derive(connection, batch[3:5])

    assert _tables(connection) == before
    assert connection.execute(
        "SELECT count(*) FROM attributions WHERE superseded_at IS NOT NULL"
    ).fetchone() == (0,)


_RECORDED = (
    *("events", "clicks", "click_device_ids", "idempotency_keys"),
    *("users", "identities", "signals", "sightings", "attributions", "sessions", "activity"),
)


def test_a_crash_at_any_statement_gives_the_same_tables_after_redelivery(
    connection: Connection, database_url: str
) -> None:
    at_ms = now_ms() - 100 * MINUTE_MS
    older = [_open("user", at_ms), _open("other", at_ms + 5 * MINUTE_MS, **PLACE)]
    batch = [
        _click(at_ms - MINUTE_MS, **PLACE),
        _open("user", at_ms + 50 * MINUTE_MS),
        fresh(user_id="user", event_time_ms=at_ms + 25 * MINUTE_MS, idempotency_key="k"),
        _open("new", at_ms, device_ids={"idfa": "b" * 31 + "2"}),
    ]
    _store(connection, *older)
    _store(connection, *batch)
    whole = _tables(connection)

    statements = 0
    while True:
        for table in _RECORDED:
            connection.execute(f"DELETE FROM {table}".encode())
        connection.execute("ALTER TABLE users ALTER COLUMN id RESTART")
        _store(connection, *older)
        with Crashing.connect(database_url, autocommit=True) as crashing:
            crashing.left = statements
            try:
                _store(crashing, *batch)
            except Crash:
                crashed = True
            else:
                crashed = False
        if not crashed:
            break
        _store(connection, *batch)
        assert _decided(_tables(connection)) == _decided(whole), f"after {statements} statements"
        statements += 1

    assert statements > 20


def _decided(tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Without the numbers that users got."""
    names = {row[0]: row[3] for row in tables["users"]}
    return {
        "attributions": sorted((names[row[0]], *row[1:]) for row in tables["attributions"]),
        "sessions": sorted((names[row[0]], *row[1:]) for row in tables["sessions"]),
        "activity": sorted((*row[:3], names[row[3]]) for row in tables["activity"]),
        "users": sorted(row[1:] for row in tables["users"]),
    }


def test_eight_workers_on_one_hot_user_neither_lock_each_other_out_nor_lose_anything(
    connection: Connection, database_url: str
) -> None:
    at_ms = now_ms() - 600 * MINUTE_MS
    faults: list[Exception] = []

    def work(worker: int) -> None:
        try:
            with connect(database_url, "tests") as mine:
                for round_ in range(6):
                    hot = _open("hot", at_ms + (worker * 6 + round_) * 10 * MINUTE_MS)
                    own = _open(f"own-{worker}", at_ms, **PLACE)
                    click = _click(at_ms - worker, **PLACE)
                    _store(
                        mine,
                        *sorted((hot, own, click), key=lambda e: e.receipt, reverse=worker % 2 > 0),
                    )
        except DatabaseError as fault:
            faults.append(fault)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert faults == []
    opens = connection.execute(
        "SELECT sum(opens), count(*) FROM sessions JOIN users ON users.id = user_ref "
        "WHERE user_id = 'hot'"
    ).fetchone()
    assert opens == (48, 1)
    owned = connection.execute(
        "SELECT DISTINCT rule FROM attributions JOIN users ON users.id = user_ref "
        "WHERE user_id LIKE 'own-%' AND superseded_at IS NULL"
    ).fetchall()
    assert owned == [("address_and_device",)]


@pytest.mark.parametrize("kind", ["opens", "clicks"])
def test_deriving_takes_the_same_number_of_statements_whatever_the_batch(
    connection: Connection, database_url: str, kind: str
) -> None:
    at_ms = now_ms() - MINUTE_MS
    counts = []
    for size in (2, 20, 400):
        if kind == "opens":
            batch = [_open(f"{size}-{n}", at_ms, **PLACE) for n in range(size)]
        else:
            batch = [_click(at_ms - n, **PLACE) for n in range(size)]
        record(connection, batch)
        with Counted.connect(database_url, autocommit=True) as counting:
            derive(counting, batch)
            counts.append(counting.statements)

    assert len(set(counts)) == 1, counts


def test_a_batch_of_a_thousand_makes_no_statement_for_each_event(
    connection: Connection, database_url: str
) -> None:
    """Opens of people who clicked before: everything that a drain can do is done."""
    at_ms = now_ms() - 10 * MINUTE_MS
    places = [{**PLACE, "ip_address": f"8.8.{n // 250}.{n % 250}"} for n in range(500)]
    clicks = [_click(at_ms, **place) for place in places]
    opens = [_open(f"{n}", at_ms + 1000, **place) for n, place in enumerate(places)]
    with Counted.connect(database_url, autocommit=True) as counting:
        record(counting, [*clicks, *opens])
        derive(counting, [*clicks, *opens])

    attributed = connection.execute("SELECT count(*) FROM attributions WHERE click_id IS NOT NULL")
    assert attributed.fetchone() == (500,)
    assert counting.statements < 50


@pytest.mark.parametrize("at", ["noon", "midnight"])
def test_a_busy_address_costs_each_of_its_new_users_its_latest_clicks_and_no_more(
    connection: Connection, at: str
) -> None:
    at_ms = now_ms() // DAY_MS * DAY_MS - (DAY_MS // 2 if at == "noon" else 1000)
    clicks = [_click(at_ms - n // 2 * 100, **PLACE) for n in range(4 * CLICKS_OF_A_PLACE_MAX)]
    people = [_open(f"{n}", at_ms + 2000, **PLACE) for n in range(20)]
    record(connection, [*clicks, *people])

    before = _clicks_read(connection)
    derive(connection, people)
    read = _clicks_read(connection) - before

    newest = min(click.click_id or "" for click in clicks[:2])
    rows = connection.execute(
        "SELECT rule, click_id, considered, jsonb_array_length(beaten) FROM attributions"
    ).fetchall()
    assert rows == [("address_and_device", newest, CLICKS_OF_A_PLACE_MAX, 10)] * 20
    assert read <= 20 * (CLICKS_OF_A_PLACE_MAX + 10)


def test_of_the_clicks_of_two_days_the_latest_are_weighed(connection: Connection) -> None:
    midnight_ms = now_ms() // DAY_MS * DAY_MS
    late = [_click(midnight_ms - 1 - n, **PLACE) for n in range(CLICKS_OF_A_PLACE_MAX)]
    early = [_click(midnight_ms + n, **PLACE) for n in range(50)]
    _store(connection, *late, *early, _open("user", midnight_ms + 1000, **PLACE))

    row = connection.execute("SELECT click_id, considered, beaten FROM attributions").fetchone()
    assert row is not None
    assert row[:2] == (early[-1].click_id, CLICKS_OF_A_PLACE_MAX)
    assert [lost["click_id"] for lost in row[2]] == [
        click.click_id for click in reversed(early[-11:-1])
    ]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("ago_ms", "shared"),
    [
        (5 * 3_600_000, PLACE),
        (6 * DAY_MS, {"device_ids": {"gaid": "cdda802e-fb9c-47ad-9866-0794d394c912"}}),
    ],
    ids=["an address", "a device"],
)
def test_clicks_are_found_over_every_border_of_days(
    connection: Connection, order: int, ago_ms: int, shared: dict[str, Any]
) -> None:
    """Indexes have the days in front, ten of them for device ids: of 20 days one is a border."""
    noon_ms = now_ms() // DAY_MS * DAY_MS - DAY_MS // 2
    batches = []
    for days in range(20):
        at_ms = noon_ms - days * DAY_MS + 10 * 3_600_000
        app = {"app_id": days + 1}
        batches.append([_click(at_ms, **shared, **app)])
        batches.append([_open("user", at_ms + ago_ms, **shared, **app)])
    for batch in batches[::order]:
        _store(connection, *batch)

    rules = connection.execute("SELECT rule FROM attributions WHERE superseded_at IS NULL")
    assert [rule for (rule,) in rules] == [
        "address_and_device" if shared is PLACE else "device_id"
    ] * 20


def test_of_clicks_in_one_millisecond_all_are_weighed_whatever_order_they_came_in(
    connection: Connection,
) -> None:
    at_ms = now_ms() - 10 * MINUTE_MS
    clicks = [_click(at_ms, **PLACE) for _ in range(CLICKS_OF_A_PLACE_MAX + 50)]
    _store(connection, *reversed(clicks), _open("user", at_ms + 1000, **PLACE))

    smallest = min(click.click_id or "" for click in clicks)
    row = connection.execute("SELECT click_id, considered FROM attributions").fetchone()
    assert row == (smallest, len(clicks))


def _clicks_read(connection: Connection) -> int:
    connection.execute("SELECT pg_stat_force_next_flush()")
    row = connection.execute(
        "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'clicks'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_recomputing_decides_by_the_rules_that_hold_now_and_changes_nothing_else(
    connection: Connection, redis: Redis
) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop')")
    at_ms = now_ms() - 100 * MINUTE_MS
    opens = [_open("user", at_ms + n * 20 * MINUTE_MS) for n in range(3)]
    _store(connection, *opens, _click(at_ms - MINUTE_MS, **PLACE))
    before = _tables(connection)

    request_recompute(redis, [1])
    assert is_left_undone(redis)
    assert not recompute(connection, redis, seconds_max=10)
    assert _tables(connection) == before

    connection.execute(
        "UPDATE apps SET session_timeout_ms = 600000, rules_version = rules_version + 1"
    )
    request_recompute(redis, [1])
    recompute(connection, redis, seconds_max=10)

    assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (3,)
    progress = read_recompute(redis, 1)
    assert progress is not None
    assert (progress.state, progress.done, progress.total) == (RecomputeState.DONE, 1, 1)
    assert not is_left_undone(redis)


def test_recomputing_some_days_decides_who_was_seen_on_them_and_counts_only_them_again(
    connection: Connection, redis: Redis
) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop')")
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    noon_ms = int(noon.timestamp() * 1000)
    for name, days in (("before", -1), ("on", 0), ("both", 0), ("both", 1), ("after", 1)):
        at_ms = noon_ms + days * DAY_MS
        _store(connection, *(_open(name, at_ms + n * 20 * MINUTE_MS) for n in range(2)))
    connection.execute("DELETE FROM stale_periods")
    connection.execute(
        "UPDATE apps SET session_timeout_ms = 600000, rules_version = rules_version + 1"
    )

    request_recompute(redis, [1], (noon.date(), noon.date()))
    recompute(connection, redis, seconds_max=10)

    sessions = connection.execute(
        "SELECT users.user_id, count(*) FROM sessions JOIN users ON users.id = user_ref"
        " GROUP BY users.user_id"
    )
    assert dict(sessions.fetchall()) == {"before": 1, "on": 2, "both": 4, "after": 1}
    progress = read_recompute(redis, 1)
    assert progress
    assert (progress.state, progress.done, progress.total, progress.decided) == (
        RecomputeState.DONE, 4, 4, 2,
    )  # fmt: skip
    marked = {
        start.date()
        for (start,) in connection.execute("SELECT start FROM stale_periods WHERE minute IS NULL")
    }
    # Of the day after, what the decisions of "both" changed; of the day before, nothing.
    assert noon.date() in marked
    assert min(marked) == noon.date()
