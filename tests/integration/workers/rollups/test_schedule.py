"""Figures: what raw rows say, whatever came late, twice or again, and whoever died at what."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import now_ms
from shared.database import Connection, DatabaseError, connect, transaction
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from shared.recompute import request_recompute
from shared.redis import Redis
from shared.shards.advisory_locks import AdvisoryLock, lock, try_lock_app
from tests.integration.counted import count_all, store
from tests.integration.crashing import Crash, Crashing
from tests.integration.fresh import fresh
from tests.integration.workers.deliveries import shuffled
from tests.integration.workers.recount import assert_figures_are_those_of_raw_rows
from tests.integration.workers.rollups.staged_worlds import move, stage_earning
from tests.support.worlds import World, worlds
from workers.decisions.derive import derive
from workers.decisions.recompute import recompute
from workers.facts.record import record
from workers.rollups import aggregate, due_periods, schedule
from workers.rollups.schedule import RolledUp, roll_up
from workers.rollups.stale_periods import HOUR_MS, StalePeriod, hour_of, mark_stale

MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS


def an_hour_ago() -> int:
    """A moment 30 minutes into an hour that is over."""
    return now_ms() // HOUR_MS * HOUR_MS - 30 * MINUTE_MS


def opened(user: str, at_ms: int, **changes: Any) -> Event:
    return fresh(user_id=user, event_id="__open", kind=Kind.OPEN, event_time_ms=at_ms, **changes)


def bought(user: str, at_ms: int, amount: str, currency: str = "EUR", **changes: Any) -> Event:
    return fresh(
        user_id=user,
        event_id="purchase",
        event_time_ms=at_ms,
        sale_amount=amount,
        sale_amount_currency=currency,
        **changes,
    )


def clicked(at_ms: int, link_id: int | None = 1, **changes: Any) -> Event:
    receipt = new_receipt(at_ms)
    usual: dict[str, Any] = {
        "kind": Kind.CLICK,
        "receipt": receipt,
        "click_id": click_id_of(receipt),
        "event_time_ms": at_ms,
        "user_id": "",
        "event_id": "",
        "link_id": link_id,
    }
    return fresh(**{**usual, **changes})


def test_figures_are_those_of_raw_rows_in_any_order_counted_at_any_time(
    connection: Connection,
) -> None:
    connection.execute("INSERT INTO partners (name) VALUES ('Acme')")

    @settings(max_examples=30, deadline=None)
    @given(st.lists(worlds(), min_size=1, max_size=3), st.integers(0, 2**32))
    def agree(together: list[World], seed: int) -> None:
        random = Random(seed)
        events = stage_earning(connection, together, random)
        for wave in shuffled(events, random):
            for batch in wave:
                record(connection, batch)
                if random.random() < 0.3:
                    count_all(connection)
                derive(connection, batch)
                if random.random() < 0.3:
                    count_all(connection)
        count_all(connection)
        assert_figures_are_those_of_raw_rows(connection)

    agree()


def test_days_are_those_of_the_zone_of_an_app_whenever_that_changes(connection: Connection) -> None:
    connection.execute("INSERT INTO partners (name) VALUES ('Acme')")
    zones = (
        "UTC",
        "Asia/Kolkata",
        "America/New_York",
        "Pacific/Apia",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
    )

    @settings(max_examples=30, deadline=None)
    @given(st.lists(worlds(), min_size=1, max_size=2), st.integers(0, 2**32))
    def agree(together: list[World], seed: int) -> None:
        random = Random(seed)
        events = stage_earning(connection, together, random)
        apps = {event.app_id for event in events}
        for wave in shuffled(events, random):
            for batch in wave:
                if random.random() < 0.3:
                    move(connection, random.choice(sorted(apps)), random.choice(zones))
                record(connection, batch)
                if random.random() < 0.3:
                    count_all(connection)
                derive(connection, batch)
                if random.random() < 0.3:
                    count_all(connection)
        count_all(connection)
        assert_figures_are_those_of_raw_rows(connection)

    agree()


def _sums(connection: Connection, column: str, grain: str = "hour") -> Decimal:
    row = connection.execute(
        f"SELECT coalesce(sum({column}), 0) FROM figures WHERE grain = %s".encode(), (grain,)
    ).fetchone()
    assert row is not None
    return Decimal(row[0])


def test_a_drain_that_runs_twice_counts_once(connection: Connection) -> None:
    at_ms = an_hour_ago()
    batch = [opened("ann", at_ms), bought("ann", at_ms + 1, "4.20")]
    for _ in range(2):
        store(connection, *batch)
        count_all(connection)

    names = ("events", "amount", "installs", "sessions")
    assert [_sums(connection, name) for name in names] == [2, Decimal("4.20"), 1, 1]
    assert _sums(connection, "events", "day") == 2


def test_a_late_click_moves_what_its_user_did_since_to_its_link(connection: Connection) -> None:
    at_ms = an_hour_ago()
    click = clicked(at_ms - 5 * HOUR_MS)
    store(
        connection,
        opened("ann", at_ms - 4 * HOUR_MS, click_id=click.click_id),
        bought("ann", at_ms, "5"),
        bought("ben", at_ms, "7"),
    )
    count_all(connection)
    organic = "SELECT sum(amount), sum(installs) FROM figures WHERE link_id = 0 AND grain = 'hour'"
    assert connection.execute(organic).fetchone() == (12, 2)

    store(connection, click)
    count_all(connection)

    assert connection.execute(organic).fetchone() == (7, 1)
    assert_figures_are_those_of_raw_rows(connection)


def test_an_install_a_session_and_a_reattribution_are_of_the_country_of_their_event(
    connection: Connection,
) -> None:
    at_ms = an_hour_ago()
    click = clicked(at_ms - 2 * MINUTE_MS)
    store(
        connection,
        opened("ann", at_ms - 20 * 24 * HOUR_MS, parameters={"country": "DE"}),
        click,
        opened("ann", at_ms, parameters={"country": "fr"}, click_id=click.click_id),
        bought("ann", at_ms + 1, "2"),
    )
    count_all(connection)

    by_country = (
        "SELECT country, sum(events), sum(installs), sum(reattributions), sum(sessions)"
        " FROM figures WHERE grain = 'day' GROUP BY 1 ORDER BY 1"
    )
    assert connection.execute(by_country).fetchall() == [
        ("", 1, 0, 0, 0), ("DE", 1, 1, 0, 1), ("FR", 1, 0, 1, 1),
    ]  # fmt: skip
    assert_figures_are_those_of_raw_rows(connection)


def test_a_late_day_shortens_the_absence_before_the_next(connection: Connection) -> None:
    at_ms = an_hour_ago()
    for days in (20, 0, 8):
        store(connection, opened("ann", at_ms - days * 24 * HOUR_MS))
        count_all(connection)

    last = "SELECT days FROM comebacks WHERE since = 'last' ORDER BY day"
    assert connection.execute(last).fetchall() == [(None,), (12,), (8,)]


def test_a_session_that_goes_on_past_midnight_makes_its_user_active_on_both_days(
    connection: Connection,
) -> None:
    """Counted between the event that shows it and the decision about it."""
    midnight_ms = now_ms() // (24 * HOUR_MS) * (24 * HOUR_MS)
    store(connection, opened("ann", midnight_ms - 5 * MINUTE_MS))
    after = bought("ann", midnight_ms + 5 * MINUTE_MS, "1")
    record(connection, [after])
    count_all(connection)

    derive(connection, [after])
    count_all(connection)

    assert_figures_are_those_of_raw_rows(connection)
    active = "SELECT sum(users) FROM comebacks WHERE since = 'last'"
    assert connection.execute(active).fetchone() == (2,)


def test_a_click_that_only_lost_changes_nothing_but_its_own_hour(connection: Connection) -> None:
    at_ms = an_hour_ago()
    click = clicked(at_ms - 5 * MINUTE_MS)
    phone = {"device_ids": {"idfa": "b" * 31 + "2"}}
    store(connection, click, opened("ann", at_ms, click_id=click.click_id, **phone))
    count_all(connection)

    store(connection, clicked(at_ms - 9 * MINUTE_MS, 2, **phone))

    beaten = "SELECT considered FROM attributions WHERE superseded_at IS NULL"
    assert connection.execute(beaten).fetchone() == (2,)
    stale = "SELECT DISTINCT grain, start = date_trunc('hour', %s, 'UTC') FROM stale_periods"
    clicked_at = datetime.fromtimestamp((at_ms - 9 * MINUTE_MS) / 1000, UTC)
    assert connection.execute(stale, (clicked_at,)).fetchall() == [("hour", True)]


def test_what_is_not_committed_yet_is_counted_afterwards(
    connection: Connection, database_url: str
) -> None:
    at_ms = an_hour_ago()
    with connect(database_url, "tests") as mine:
        with transaction(mine):
            store(mine, opened("ann", at_ms))
            assert count_all(connection) == 0
        assert count_all(connection) == 2, "the hour and its day"
    assert _sums(connection, "events") == 1


def test_what_comes_while_its_hour_is_being_counted_is_counted_next(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_ms = an_hour_ago()
    store(connection, opened("ann", at_ms))
    roll_up_hour = aggregate.roll_up_hour

    def interrupted(mine: Connection, hour: StalePeriod) -> None:
        roll_up_hour(mine, hour)
        with connect(database_url, "tests") as another:
            store(another, bought("ann", at_ms + 1, "1"))

    monkeypatch.setattr(schedule, "roll_up_hour", interrupted)
    roll_up(connection, 0)
    monkeypatch.undo()
    assert _sums(connection, "events") == 1

    count_all(connection)

    assert _sums(connection, "events") == 2


def test_one_worker_counts_an_app_at_a_time_and_others_count_other_apps(
    connection: Connection, database_url: str
) -> None:
    store(connection, opened("ann", an_hour_ago()), opened("ben", an_hour_ago(), app_id=2))
    with connect(database_url, "tests") as other, transaction(other):
        assert try_lock_app(other, AdvisoryLock.ROLL_UP, 1)
        assert roll_up(connection, 60) == RolledUp(2, more=False)
        counted = connection.execute("SELECT DISTINCT app_id FROM figures").fetchall()
        assert counted == [(2,)]

    assert roll_up(connection, 60).periods == 2


def test_nobody_counts_beside_a_worker_of_an_earlier_version(
    connection: Connection, database_url: str
) -> None:
    store(connection, opened("ann", an_hour_ago()))
    with connect(database_url, "tests") as other, transaction(other):
        lock(other, AdvisoryLock.ROLL_UP)
        assert roll_up(connection, 60) == RolledUp(0, more=False)

    assert roll_up(connection, 60).periods == 2


def test_a_period_rests_after_it_was_counted(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "REST_SECONDS_MIN", 3600)
    at_ms = an_hour_ago()
    store(connection, opened("ann", at_ms))
    count_all(connection)

    store(connection, opened("ben", at_ms))

    assert roll_up(connection, 60) == RolledUp(0, more=False)
    assert count_all(connection) == 2


def test_a_period_that_fails_leaves_the_others_to_be_counted(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_ms = an_hour_ago() // DAY_MS * DAY_MS - DAY_MS // 2  # noon, so that both are of one day
    store(connection, opened("ann", at_ms), opened("ben", at_ms - 2 * HOUR_MS))
    with monkeypatch.context() as broken:
        broken.setattr(schedule, "roll_up_hour", _failing(at_ms))
        with pytest.raises(DatabaseError):
            roll_up(connection, 60)
        assert roll_up(connection, 60).periods == 2

    assert _sums(connection, "events") == 1
    count_all(connection)
    assert _sums(connection, "events") == 2


def _failing(at_ms: int) -> Any:
    roll_up_hour = aggregate.roll_up_hour

    def count_or_fail(connection: Connection, hour: StalePeriod) -> None:
        if hour == hour_of(hour.app_id, hour.environment, at_ms).whole:
            connection.execute("SELECT 1 / 0")
        roll_up_hour(connection, hour)

    return count_or_fail


def test_recomputing_an_app_rebuilds_its_figures(connection: Connection, redis: Redis) -> None:
    (app_id,) = connection.execute(
        "INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop') RETURNING id"
    ).fetchone() or (0,)
    at_ms = an_hour_ago()
    late = [bought("ann", at_ms - days * 24 * HOUR_MS, "1", app_id=app_id) for days in range(3)]
    store(connection, *late, opened("ann", at_ms, app_id=app_id, environment="sandbox"))
    count_all(connection)
    connection.execute("UPDATE figures SET events = events + 7")
    connection.execute("INSERT INTO reach SELECT * FROM reach")

    request_recompute(redis, [app_id])
    recompute(connection, redis, 60)
    count_all(connection)

    assert_figures_are_those_of_raw_rows(connection)


def test_recomputing_a_day_rebuilds_the_figures_of_that_day_alone(
    connection: Connection, redis: Redis
) -> None:
    (app_id,) = connection.execute(
        "INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop') RETURNING id"
    ).fetchone() or (0,)
    at_ms = an_hour_ago()
    days = [at_ms - number * 24 * HOUR_MS for number in range(3)]
    store(connection, *(bought("ann", each, "1", app_id=app_id) for each in days))
    count_all(connection)
    connection.execute("UPDATE figures SET events = events + 7 WHERE event <> ''")
    day = datetime.fromtimestamp(days[1] / 1000, UTC).date()

    request_recompute(redis, [app_id], (day, day))
    recompute(connection, redis, 60)
    count_all(connection)

    counted = connection.execute(
        "SELECT start::date, sum(events) FROM figures WHERE grain = 'day' AND event <> ''"
        " AND event <> '__install' GROUP BY 1 ORDER BY 1 DESC"
    ).fetchall()
    assert [events == 1 for _, events in counted] == [False, True, False]


def test_a_crash_at_any_statement_leaves_nothing_uncounted(
    connection: Connection, database_url: str
) -> None:
    at_ms = an_hour_ago()
    for statements in _until_it_lives(database_url, connection, at_ms):
        count_all(connection)
        assert_figures_are_those_of_raw_rows(connection)
        assert _sums(connection, "events") == statements + 1


def _until_it_lives(url: str, connection: Connection, at_ms: int) -> Iterator[int]:
    for statements in range(100):
        store(connection, opened("ann", at_ms + statements))
        connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
        with Crashing.connect(url, autocommit=True, options="-c timezone=UTC") as crashing:
            crashing.left = statements
            try:
                roll_up(crashing, 60)
            except Crash:
                yield statements
            else:
                yield statements
                assert statements > 10
                return
    raise AssertionError("it never lived")


def test_many_notes_are_folded_to_one_a_period(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "REST_SECONDS_MIN", 3600)
    monkeypatch.setattr(due_periods, "STALE_ROWS_MAX", 39)
    at_ms = an_hour_ago()
    store(connection, opened("ann", at_ms), opened("ben", at_ms - HOUR_MS))
    count_all(connection)
    for minute in range(20):
        for user, hours in (("ann", 0), ("ben", 1)):
            store(connection, opened(user, at_ms - hours * HOUR_MS + minute))

    assert roll_up(connection, 60).periods == 0, "all of them rest"

    assert connection.execute("SELECT count(*) FROM stale_periods").fetchone() == (2,)
    count_all(connection)
    assert_figures_are_those_of_raw_rows(connection)


def test_folding_leaves_periods_of_a_single_note_as_they_are(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "REST_SECONDS_MIN", 3600)
    monkeypatch.setattr(due_periods, "STALE_ROWS_MAX", 30)
    at_ms = an_hour_ago()
    hours = [at_ms - n * HOUR_MS for n in range(40)]
    store(connection, *(opened(f"u{n}", hour) for n, hour in enumerate(hours)))
    count_all(connection)
    for hour in hours:
        store(connection, opened("late", hour))
    roll_up(connection, 60)
    places = "SELECT ctid::text, xmin::text FROM stale_periods ORDER BY start, grain"
    noted = connection.execute(places).fetchall()
    assert len(noted) > 30

    roll_up(connection, 60)

    assert connection.execute(places).fetchall() == noted


def test_a_period_of_a_list_that_another_worker_rolled_up_meanwhile_is_not_due(
    connection: Connection,
) -> None:
    store(connection, opened("ann", an_hour_ago()))
    listed = next(due_periods.due_periods(connection, [], is_step=False))
    assert due_periods.is_due(connection, listed, is_step=False)

    roll_up(connection, 60)
    assert not due_periods.is_due(connection, listed, is_step=False)

    store(connection, opened("ben", an_hour_ago()))
    assert not due_periods.is_due(connection, listed, is_step=False), "it rests"


def test_behind_many_old_hours_the_newest_figures_are_fresh_first(connection: Connection) -> None:
    at_ms = an_hour_ago()
    store(connection, *(opened(f"u{n}", at_ms - n * HOUR_MS) for n in range(1, 60)))
    store(connection, opened("new", at_ms))

    counted = roll_up(connection, 0)

    hours = connection.execute(
        "SELECT extract(epoch FROM start) * 1000 FROM counted_periods WHERE grain = 'hour'"
    )
    assert (counted, hours.fetchall()) == (RolledUp(1, more=True), [(at_ms // HOUR_MS * HOUR_MS,)])
    count_all(connection)
    assert_figures_are_those_of_raw_rows(connection)


def test_a_drain_marks_hours_in_one_statement_whatever_the_batch(connection: Connection) -> None:
    at_ms = an_hour_ago()
    hours: Sequence[int] = range(50)

    mark_stale(connection, [hour_of(1, "production", at_ms - n * HOUR_MS) for n in hours] * 2)

    assert connection.execute("SELECT count(*) FROM stale_periods").fetchone() == (50,)
