"""Days of an app's time zone: which events they have, and what becomes of them when it changes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.database import Connection, transaction
from shared.events import Event
from shared.ids import new_receipt
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.integration.workers.recount import assert_figures_are_those_of_raw_rows
from tests.integration.workers.rollups.staged_worlds import move
from tests.integration.workers.rollups.test_schedule import opened
from workers.rollups.large_days import days, steps
from workers.rollups.schedule import roll_up
from workers.rollups.stale_periods import Grain, StalePeriod, mark_stale


@pytest.fixture
def app_id(connection: Connection) -> int:
    return _app(connection, "Shop")


def _app(connection: Connection, name: str) -> int:
    insert = "INSERT INTO apps (name, app_token) VALUES (%s, %s) RETURNING id"
    [(app_id,)] = connection.execute(insert, (name, f"{name.lower()}12345678"))
    return int(app_id)


def _at(text: str, app_id: int, user: str = "ann", **changes: Any) -> Event:
    at_ms = int(datetime.fromisoformat(text).timestamp() * 1000)
    changes = {"received_at_ms": at_ms, "receipt": new_receipt(at_ms), **changes}
    return opened(user, at_ms, app_id=app_id, **changes)


def _days(connection: Connection) -> dict[str, int]:
    """The opens of each day, by its date."""
    rows = connection.execute(
        "SELECT to_char(start, 'MM-DD'), sum(events) FROM figures"
        " WHERE grain = 'day' AND event = '__open' GROUP BY 1 ORDER BY 1"
    )
    return {day: int(events) for day, events in rows}


def _each_hour(zone: str, day: datetime, app_id: int) -> list[Event]:
    """An open in each hour that a clock shows from one midnight to the next."""
    first = day.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end = (day + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    hours = int((end - first) / timedelta(hours=1))
    moments = [first + timedelta(hours=number, minutes=1) for number in range(hours)]
    return [_at(moment.isoformat(), app_id) for moment in moments]


def test_a_day_begins_at_the_midnight_of_the_zone_also_of_one_with_half_hours(
    connection: Connection, app_id: int
) -> None:
    move(connection, app_id, "Asia/Kolkata")
    store(
        connection,
        _at("2026-11-20T18:29:59+00:00", app_id),
        _at("2026-11-20T18:30:00+00:00", app_id),
        _at("2026-11-21T18:29:59+00:00", app_id, user="ben"),
    )
    count_all(connection)

    assert _days(connection) == {"11-20": 1, "11-21": 2}
    hours = "SELECT DISTINCT to_char(start, 'HH24:MI') FROM figures WHERE grain = 'hour' ORDER BY 1"
    assert connection.execute(hours).fetchall() == [("17:30",), ("18:30",)]
    assert_figures_are_those_of_raw_rows(connection)


@pytest.mark.parametrize(("date", "hours"), [("2026-03-08", 23), ("2026-11-01", 25)])
def test_a_day_has_23_or_25_hours_when_the_clock_moves(
    connection: Connection, app_id: int, date: str, hours: int
) -> None:
    day = datetime.fromisoformat(date)
    move(connection, app_id, "America/New_York")
    events = _each_hour("America/New_York", day, app_id)
    assert len(events) == hours
    around = [
        _at((day - timedelta(minutes=1)).replace(tzinfo=ZoneInfo("America/New_York")).isoformat(),
            app_id),
        _at((day + timedelta(days=1)).replace(tzinfo=ZoneInfo("America/New_York")).isoformat(),
            app_id),
    ]  # fmt: skip
    store(connection, *events, *around)
    count_all(connection)

    assert _days(connection) == {
        f"{day - timedelta(days=1):%m-%d}": 1,
        f"{day:%m-%d}": hours,
        f"{day + timedelta(days=1):%m-%d}": 1,
    }
    assert_figures_are_those_of_raw_rows(connection)


def test_a_date_that_a_zone_has_skipped_has_nothing(connection: Connection, app_id: int) -> None:
    move(connection, app_id, "Pacific/Apia")
    store(
        connection,
        _at("2011-12-29T23:59:59-10:00", app_id),
        _at("2011-12-31T00:00:00+14:00", app_id, user="ben"),
    )
    count_all(connection)

    assert _days(connection) == {"12-29": 1, "12-31": 1}
    assert_figures_are_those_of_raw_rows(connection)


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_what_happens_after_a_last_hour_that_is_shorter_is_of_the_next_day(
    connection: Connection,
    app_id: int,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_large: bool,
    whole: bool,
) -> None:
    if is_large:
        monkeypatch.setattr(days, "SLICE_EVENTS_MAX", 1)
        monkeypatch.setattr(days, "DAY_EVENTS_MAX", 2)
        monkeypatch.setattr(steps, "USERS_MAX", 1)
    move(connection, app_id, "Australia/Lord_Howe")
    # The day ends at 13:30 UTC, half an hour after its last hour has begun.
    minutes = (5, 10, 29, 30, 45)
    store(
        connection,
        *(_at(f"2026-04-05T13:{minute:02}:00+00:00", app_id, user=f"u{minute}")
          for minute in minutes),
    )  # fmt: skip
    if whole:
        connection.execute("DELETE FROM stale_periods")
        start = datetime(2026, 4, 5, 13, tzinfo=UTC)
        with transaction(connection):
            mark_stale(connection, [StalePeriod(app_id, "production", Grain.HOUR, start)])
    count_all(connection)

    assert _days(connection) == {"04-05": 3, "04-06": 2}
    hours = (
        "SELECT to_char(start AT TIME ZONE 'UTC', 'HH24:MI'), sum(events)::int FROM figures"
        " WHERE grain = 'hour' AND event = '__open' GROUP BY 1 ORDER BY 1"
    )
    assert connection.execute(hours).fetchall() == [("13:00", 3), ("13:30", 2)]
    assert connection.execute("SELECT count(*) FROM stale_periods").fetchone() == (0,)
    assert_figures_are_those_of_raw_rows(connection)


def test_days_that_were_counted_before_the_zone_changed_are_counted_again(
    connection: Connection, app_id: int
) -> None:
    store(
        connection,
        *(_at(f"2026-11-{day}T{hour:02}:15:00+00:00", app_id, user=f"u{hour % 3}")
          for day in (18, 19, 23) for hour in range(1, 24, 2)),
    )  # fmt: skip
    count_all(connection)
    in_utc = _days(connection)
    assert in_utc == {"11-18": 12, "11-19": 12, "11-23": 12}

    for zone, expected in (
        ("Asia/Kolkata", {"11-18": 9, "11-19": 12, "11-20": 3, "11-23": 9, "11-24": 3}),
        ("America/New_York", {"11-17": 2, "11-18": 12, "11-19": 10, "11-22": 2, "11-23": 10}),
        ("UTC", in_utc),
    ):
        move(connection, app_id, zone)
        count_all(connection)
        assert _days(connection) == expected
        assert_figures_are_those_of_raw_rows(connection)
        left = "SELECT count(*) FROM counted_periods WHERE grain = 'day' AND zone <> %s"
        assert connection.execute(left, (zone,)).fetchone() == (0,)


def test_a_day_is_in_the_zone_before_until_all_of_it_is_counted_again(
    connection: Connection, app_id: int
) -> None:
    days = range(18, 22)
    store(
        connection,
        *(_at(f"2026-11-{day}T{hour}:45:00+00:00", app_id) for day in days for hour in (10, 20)),
    )
    count_all(connection)
    assert _days(connection) == {f"11-{day}": 2 for day in days}

    move(connection, app_id, "Asia/Kolkata")
    counted = []
    for _ in range(20):
        more = roll_up(connection, 0).more
        counted.append(_days(connection))
        if not more:
            break

    allowed = {"11-18": {1, 2}, **{f"11-{day}": {2} for day in range(19, 22)}, "11-22": {1}}
    for shown in counted:
        assert all(events in allowed[day] for day, events in shown.items()), shown
    assert counted[0].get("11-22") == 1, "the newest day comes first"
    assert counted[-1] == {"11-18": 1, "11-19": 2, "11-20": 2, "11-21": 2, "11-22": 1}
    assert_figures_are_those_of_raw_rows(connection)


def test_what_an_hour_of_the_zone_before_held_of_the_next_day_is_counted_in_that_day(
    connection: Connection, app_id: int
) -> None:
    move(connection, app_id, "Asia/Kolkata")  # whose hours begin at 18:30, 19:30, ... 23:30 UTC
    store(connection, _at("2026-11-21T00:10:00+00:00", app_id))
    count_all(connection)

    move(connection, app_id, "UTC")
    count_all(connection)

    assert _days(connection) == {"11-21": 1}
    assert_figures_are_those_of_raw_rows(connection)


def test_a_day_whose_hours_alone_were_counted_in_the_zone_before_is_counted_in_none_but_the_new_one(
    connection: Connection, app_id: int
) -> None:
    move(connection, app_id, "America/New_York")
    store(connection, _at("2026-11-21T00:10:00+00:00", app_id))
    roll_up(connection, 0)
    assert _days(connection) == {"11-20": 1}, "the hour, with the sums of its day"

    move(connection, app_id, "UTC")
    count_all(connection)

    assert _days(connection) == {"11-21": 1}
    assert_figures_are_those_of_raw_rows(connection)


def test_a_late_event_of_a_day_that_waits_counts_all_of_it_again_at_once(
    connection: Connection, app_id: int
) -> None:
    store(
        connection,
        *(
            _at(f"2026-11-{day}T{hour}:45:00+00:00", app_id)
            for day in (17, 20)
            for hour in (10, 20)
        ),
    )
    count_all(connection)
    move(connection, app_id, "Asia/Kolkata")
    roll_up(connection, 0)

    store(connection, _at("2026-11-17T11:10:00+00:00", app_id, user="ben"))
    for _ in range(2):  # the mark of the hour in UTC becomes one of an hour in Kolkata
        roll_up(connection, 0)

    assert _days(connection)["11-17"] == 2, "in Kolkata: the event of 20:45 is of the next day"
    zone = "SELECT zone FROM counted_periods WHERE grain = 'day' AND start = '2026-11-17'"
    assert connection.execute(zone).fetchone() == ("Asia/Kolkata",)
    count_all(connection)
    assert_figures_are_those_of_raw_rows(connection)


def test_workers_follow_a_change_when_whoever_may_have_read_the_zone_before_has_ended(
    connection: Connection, app_id: int
) -> None:
    store(connection, _at("2026-11-20T20:00:00+00:00", app_id))
    move(connection, app_id, "Asia/Kolkata")
    connection.execute("UPDATE apps SET time_zone_at = now()")

    count_all(connection)
    assert _days(connection) == {"11-20": 1}
    connection.execute("UPDATE apps SET time_zone_at = now() - interval '31 seconds'")
    count_all(connection)

    assert _days(connection) == {"11-21": 1}


def test_a_day_of_which_events_have_expired_stays_as_it_was_counted(
    connection: Connection, app_id: int
) -> None:
    store(
        connection,
        *(_at(f"2026-11-{day}T20:00:00+00:00", app_id, user=f"u{day}") for day in (17, 18, 19)),
    )
    count_all(connection)
    # Of the 18th in Kolkata, which begins on the 17th at 18:30, some events are gone.
    connection.execute(
        "INSERT INTO retention (app_id, counted_before) VALUES (%s, '2026-11-18')", (app_id,)
    )
    connection.execute("DELETE FROM events WHERE event_time < '2026-11-18'")

    move(connection, app_id, "Asia/Kolkata")
    count_all(connection)

    assert _days(connection) == {"11-17": 1, "11-18": 1, "11-19": 1, "11-20": 1}
    zones = "SELECT zone FROM counted_periods WHERE grain = 'day' ORDER BY start"
    found = [zone for (zone,) in connection.execute(zones)]
    assert found == ["UTC", "UTC", "Asia/Kolkata", "Asia/Kolkata"]
    assert connection.execute("SELECT count(*) FROM stale_periods").fetchone() == (0,)


def test_a_day_that_has_expired_keeps_its_zone_when_the_zone_is_changed_back(
    connection: Connection, app_id: int
) -> None:
    store(
        connection,
        *(_at(f"2026-11-{day}T20:00:00+00:00", app_id, user=f"u{day}") for day in (15, 17, 18, 19)),
    )
    count_all(connection)
    connection.execute(
        "INSERT INTO retention (app_id, counted_before) VALUES (%s, '2026-11-18')", (app_id,)
    )
    connection.execute("DELETE FROM events WHERE event_time < '2026-11-18'")

    for zone in ("Asia/Kolkata", "UTC"):
        move(connection, app_id, zone)
        count_all(connection)

    assert _days(connection) == {"11-15": 1, "11-17": 1, "11-18": 1, "11-19": 1}
    zones = "SELECT DISTINCT zone FROM counted_periods WHERE grain = 'day'"
    assert connection.execute(zones).fetchall() == [("UTC",)]
    assert connection.execute("SELECT count(*) FROM stale_periods").fetchone() == (0,)


def test_an_app_whose_new_zone_is_unknown_here_is_counted_in_the_one_before_and_others_in_theirs(
    connection: Connection, app_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    other_id = _app(connection, "Game")
    for number in (app_id, other_id):
        store(connection, _at("2026-11-20T20:00:00+00:00", number))
    count_all(connection)
    store(connection, _at("2026-11-22T20:00:00+00:00", app_id))
    move(connection, app_id, "Mars/Olympus")
    move(connection, other_id, "Asia/Kolkata")

    connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
    assert not roll_up(connection, 60).more

    assert _days_of(connection) == {(app_id, "11-20"), (app_id, "11-22"), (other_id, "11-21")}
    (line,) = caplog.records
    assert "update the time zone data" in line.getMessage()
    assert line.__dict__["fields"] == {"app": app_id}
    assert "Olympus" not in caplog.text


def test_an_app_whose_recount_fails_stays_in_the_zone_before_and_others_are_counted(
    connection: Connection, app_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    other_id = _app(connection, "Game")
    for number in (app_id, other_id):
        store(connection, _at("2026-11-20T20:00:00+00:00", number))
        move(connection, number, "Asia/Kolkata")
    connection.execute(
        f"ALTER TABLE day_zones ADD CONSTRAINT refused CHECK (app_id <> {app_id})".encode()
    )
    try:
        assert not roll_up(connection, 60).more
    finally:
        connection.execute("ALTER TABLE day_zones DROP CONSTRAINT refused")

    assert _days_of(connection) == {(app_id, "11-20"), (other_id, "11-21")}
    (line,) = caplog.records
    assert f"app {app_id} cannot be counted in its new time zone" in line.getMessage()
    assert "23514" in line.getMessage()
    connection.execute("UPDATE counted_periods SET rests_until = '-infinity'")
    count_all(connection)
    assert _days_of(connection) == {(app_id, "11-21"), (other_id, "11-21")}


def test_an_app_whose_zone_is_unknown_here_waits_and_others_do_not(
    connection: Connection, app_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    other_id = _app(connection, "Game")
    for number in (app_id, other_id):
        store(connection, _at("2026-11-20T20:00:00+00:00", number))
    move(connection, app_id, "Mars/Olympus")
    # A worker with newer data has followed.
    connection.execute("INSERT INTO day_zones VALUES (%s, 'Mars/Olympus')", (app_id,))

    assert not roll_up(connection, 60).more

    assert _days_of(connection) == {(other_id, "11-20")}
    (line,) = caplog.records
    assert line.__dict__["fields"] == {"app": app_id}
    move(connection, app_id, "Asia/Kolkata")
    count_all(connection)
    assert _days_of(connection) == {(other_id, "11-20"), (app_id, "11-21")}


def _days_of(connection: Connection) -> set[tuple[int, str]]:
    """The apps with their days that have opens."""
    rows = connection.execute(
        "SELECT DISTINCT app_id, to_char(start, 'MM-DD') FROM figures"
        " WHERE grain = 'day' AND event = '__open'"
    )
    return {(app_id, day) for app_id, day in rows}


def test_an_app_that_never_moved_is_counted_in_utc_and_nothing_is_kept_of_zones(
    connection: Connection, app_id: int
) -> None:
    store(connection, _at("2026-11-20T23:59:00+00:00", app_id), fresh(app_id=app_id))
    count_all(connection)

    assert connection.execute("SELECT count(*) FROM day_zones").fetchone() == (0,)
    zones = "SELECT DISTINCT zone FROM counted_periods"
    assert connection.execute(zones).fetchall() == [("UTC",)]
    assert _days(connection)["11-20"] == 1
    assert_figures_are_those_of_raw_rows(connection)
