"""Large days: minute by minute and in slices of users, with the result of a recount of raw rows."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.database import Connection, connect
from tests.integration.counted import count_all, store
from tests.integration.crashing import Crash, Crashing
from tests.integration.workers.deliveries import shuffled
from tests.integration.workers.recount import assert_figures_are_those_of_raw_rows
from tests.integration.workers.rollups.staged_worlds import move, stage_earning
from tests.integration.workers.rollups.test_schedule import (
    DAY_MS,
    MINUTE_MS,
    an_hour_ago,
    bought,
    clicked,
    opened,
)
from tests.support.worlds import World, worlds
from workers.decisions.derive import derive
from workers.facts.record import record
from workers.rollups.large_days import days, steps
from workers.rollups.large_days.days import forget_days
from workers.rollups.schedule import RolledUp, roll_up
from workers.rollups.stale_periods import HOUR_MS, mark_app_stale


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few events are many."""
    monkeypatch.setattr(days, "SLICE_EVENTS_MAX", 1)
    monkeypatch.setattr(days, "DAY_EVENTS_MAX", 2)
    monkeypatch.setattr(days, "FORGOTTEN_ROWS_MAX", 2)
    monkeypatch.setattr(steps, "USERS_MAX", 1)
    monkeypatch.setattr(steps, "SLICES_MAX", 4)


def test_a_large_day_is_the_recount_in_any_order_of_late_facts_rolled_up_at_any_time(
    connection: Connection,
) -> None:
    connection.execute("INSERT INTO partners (name) VALUES ('Acme')")

    @settings(max_examples=25, deadline=None)
    @given(st.lists(worlds(), min_size=1, max_size=2), st.integers(0, 2**32))
    def agree(together: list[World], seed: int) -> None:
        random = Random(seed)
        events = stage_earning(connection, together, random)
        for wave in shuffled(events, random):
            for batch in wave:
                record(connection, batch)
                _roll_up_some(connection, random)
                derive(connection, batch)
                _roll_up_some(connection, random)
        count_all(connection)
        assert_figures_are_those_of_raw_rows(connection)

    agree()


def test_a_large_day_is_the_recount_in_any_zone_that_its_app_moves_to(
    connection: Connection,
) -> None:
    connection.execute("INSERT INTO partners (name) VALUES ('Acme')")
    zones = ("UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe")

    @settings(max_examples=25, deadline=None)
    @given(worlds(), st.integers(0, 2**32))
    def agree(world: World, seed: int) -> None:
        random = Random(seed)
        events = stage_earning(connection, [world], random)
        for wave in shuffled(events, random):
            for batch in wave:
                if random.random() < 0.4:
                    move(connection, batch[0].app_id, random.choice(zones))
                record(connection, batch)
                _roll_up_some(connection, random)
                derive(connection, batch)
                _roll_up_some(connection, random)
        count_all(connection)
        assert_figures_are_those_of_raw_rows(connection)

    agree()


def test_a_large_day_is_shown_in_the_zone_before_until_it_is_counted_in_the_new_one(
    connection: Connection,
) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop12345678')")
    at_ms = _a_busy_day(connection)
    count_all(connection)
    shown = (
        "SELECT (SELECT sum(users) FROM reach WHERE grain = 'day' AND NOT building),"
        " (SELECT sum(amount) FROM figures WHERE grain = 'day'),"
        " (SELECT sum(amount) FROM earnings), (SELECT sum(clicks) FROM traffic WHERE grain = 'day')"
    )
    before = connection.execute(shown).fetchone()

    move(connection, 1, "Asia/Kolkata")
    for _ in range(3):
        connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
        assert roll_up(connection, 0).more
        assert connection.execute(shown).fetchone() == before
    count_all(connection)

    assert_figures_are_those_of_raw_rows(connection)
    store(connection, bought("dan", at_ms + 2 * HOUR_MS, "1"))
    count_all(connection)
    assert _large(connection)[-1] == (False,)
    assert_figures_are_those_of_raw_rows(connection)


def test_a_job_takes_a_step_of_much_work_though_its_time_is_up_with_the_changes(
    connection: Connection,
) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop12345678')")
    at_ms = _a_busy_day(connection)
    steps_left = "SELECT count(*) FROM stale_periods WHERE slice IS NOT NULL"
    while connection.execute(steps_left).fetchone() == (0,):
        roll_up(connection, 0)
    store(connection, *(opened("late", at_ms - n * HOUR_MS) for n in range(3)))
    connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")

    assert roll_up(connection, 0) == RolledUp(2, more=True)

    count_all(connection)
    assert_figures_are_those_of_raw_rows(connection)


def _roll_up_some(connection: Connection, random: Random) -> None:
    """Some steps, of which more may be left."""
    for _ in range(random.randrange(4)):
        connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
        roll_up(connection, 0)


def _a_busy_day(connection: Connection) -> int:
    """Five users, three minutes of two hours, a source; returns a moment of the first hour."""
    at_ms = an_hour_ago() // DAY_MS * DAY_MS - DAY_MS // 2
    click = clicked(at_ms - MINUTE_MS)
    store(
        connection,
        click,
        *(opened(user, at_ms + n) for n, user in enumerate(("ann", "ben", "cid", "dan"))),
        opened("eve", at_ms + MINUTE_MS, click_id=click.click_id),
        bought("ann", at_ms + MINUTE_MS, "3"),
        bought("ben", at_ms + HOUR_MS, "4"),
    )
    return at_ms


def _large(connection: Connection) -> list[tuple[bool | None]]:
    return connection.execute("SELECT building FROM large_days ORDER BY id").fetchall()


def test_a_minute_with_too_many_events_is_rolled_up_in_slices_of_users(
    connection: Connection,
) -> None:
    _a_busy_day(connection)
    connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
    jobs = 0
    while roll_up(connection, 0).more:
        connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
        jobs += 1

    assert jobs > 4
    count_all(connection)
    assert _large(connection) == [(False,)]
    assert_figures_are_those_of_raw_rows(connection)


def test_a_late_fact_recalculates_its_minute_and_its_user_and_no_more(
    connection: Connection,
) -> None:
    at_ms = _a_busy_day(connection)
    count_all(connection)
    kept = "SELECT user_ref, slot, ctid::text FROM day_events ORDER BY 1, 2, 3"
    before = set(connection.execute(kept).fetchall())
    figures = "SELECT minute, events, ctid::text FROM figures WHERE grain = 'hour'"
    minutes_before = set(connection.execute(figures).fetchall())

    store(connection, bought("ann", at_ms + MINUTE_MS + 5, "7", currency="USD"))
    count_all(connection)

    assert before <= set(connection.execute(kept).fetchall()), "nobody's rows were written again"
    rewritten = minutes_before - set(connection.execute(figures).fetchall())
    assert {minute for minute, *_ in rewritten} == {1}
    assert _large(connection) == [(False,)]
    assert_figures_are_those_of_raw_rows(connection)


def test_a_day_that_is_built_again_is_shown_as_it_was_until_it_is_done(
    connection: Connection,
) -> None:
    app_id = 1
    _a_busy_day(connection)
    count_all(connection)
    connection.execute("UPDATE reach SET users = users + 7")
    connection.execute("UPDATE comebacks SET users = users + 7")
    shown = "SELECT sum(users) FROM reach WHERE NOT building"
    before = connection.execute(shown).fetchone()

    mark_app_stale(connection, app_id)
    connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
    assert roll_up(connection, 0).more

    assert connection.execute(shown).fetchone() == before
    count_all(connection)
    assert_figures_are_those_of_raw_rows(connection)


def test_what_an_earlier_version_rolled_up_meanwhile_is_built_again(connection: Connection) -> None:
    at_ms = _a_busy_day(connection)
    count_all(connection)
    store(connection, bought("cid", at_ms + MINUTE_MS, "9"))
    # Its workers know of no slices, and note only when they rolled up.
    connection.execute("UPDATE counted_periods SET counted_at = now() WHERE grain = 'hour'")

    count_all(connection)

    assert [building for (building,) in _large(connection) if building is not None] == [False]
    assert len(connection.execute("SELECT DISTINCT day_id FROM day_events").fetchall()) == 1
    assert_figures_are_those_of_raw_rows(connection)


def test_a_quiet_day_is_forgotten_step_by_step_and_built_again_by_a_late_fact(
    connection: Connection,
) -> None:
    at_ms = _a_busy_day(connection)
    count_all(connection)
    connection.execute("UPDATE large_days SET used_at = now() - interval '3 days'")
    while forget_days(connection):
        pass
    for table in ("large_days", "day_events", "day_users"):
        assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,)
    assert_figures_are_those_of_raw_rows(connection)

    store(connection, bought("dan", at_ms + 2 * HOUR_MS, "1"))
    count_all(connection)

    assert _large(connection) == [(False,)]
    assert_figures_are_those_of_raw_rows(connection)


def test_a_crash_at_any_statement_of_a_large_day_leaves_nothing_uncounted(
    connection: Connection, database_url: str
) -> None:
    at_ms = _a_busy_day(connection)
    count_all(connection)
    for number in _until_it_lives(database_url, connection, at_ms):
        if number % 7 == 0:
            count_all(connection)
            assert_figures_are_those_of_raw_rows(connection)
    count_all(connection)
    assert_figures_are_those_of_raw_rows(connection)


def _until_it_lives(url: str, connection: Connection, at_ms: int) -> Iterator[int]:
    for statements in range(300):
        store(connection, opened("ann", at_ms + 5 * MINUTE_MS + statements))
        connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
        with Crashing.connect(url, autocommit=True, options="-c timezone=UTC") as crashing:
            crashing.left = statements
            try:
                roll_up(crashing, 60)
            except Crash:
                yield statements
            else:
                assert statements > 20
                return
    raise AssertionError("it never lived")


def test_users_who_were_active_without_an_event_count_once_a_day_is_large(
    connection: Connection,
) -> None:
    at_ms = _a_busy_day(connection)
    store(connection, *(bought("ann", at_ms + DAY_MS + n * MINUTE_MS, "1") for n in range(4)))
    connection.execute(
        "INSERT INTO activity (app_id, environment, day, user_ref)"
        " SELECT app_id, environment, to_timestamp(%s / 1000)::date + 1, id FROM users",
        (at_ms,),
    )

    count_all(connection)

    active = "SELECT sum(users) FROM comebacks WHERE since = 'last' GROUP BY day ORDER BY day"
    assert connection.execute(active).fetchall() == [(5,), (5,)]


def test_two_workers_share_the_work_of_two_apps(connection: Connection, database_url: str) -> None:
    at_ms = an_hour_ago()
    for app_id in (1, 2):
        store(connection, *(opened(f"u{n}", at_ms + n, app_id=app_id) for n in range(4)))
    with connect(database_url, "tests") as other:
        for _ in range(20):
            connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
            roll_up(other, 0)
            roll_up(connection, 0)

    count_all(connection)
    assert_figures_are_those_of_raw_rows(connection)
