"""Tests reports of an app in a time zone against a count of its events by Python's clock."""

from collections import Counter, defaultdict
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import msgspec
import pytest

from console.apps.apps import App, app_with_id
from console.apps.time_zone import read_recount
from console.browse.event_filter import read_filter
from console.browse.event_list import list_events
from console.browse.row_events import row_paths
from console.reports.activity import ActivityQuestion, active_users
from console.reports.answer import answer
from console.reports.choices import read_choices
from console.reports.cohorts.cohort_question import CohortQuestion, CohortSpan
from console.reports.cohorts.cohort_table import read_cohorts
from console.reports.costs.cost_file import read_cost_file
from console.reports.costs.uploads import upload_costs
from console.reports.overview import read_overviews
from console.reports.period import Period, Preset, period_of
from console.reports.question import Against, Interval, Question
from console.reports.raw import raw_events
from console.reports.report import Report
from console.reports.retention import retention
from console.reports.sheet import to_csv
from console.reports.sheets import report_sheet
from console.reports.views.comparison_sheets import comparison_title
from shared.database import Connection
from shared.events import Environment, Event
from shared.ids import new_receipt
from tests.integration.counted import count_all, store
from tests.integration.workers.rollups.staged_worlds import move
from tests.integration.workers.rollups.test_schedule import opened
from tests.support.build import ADMIN

# Clocks in New York are put back on 1 November.
PERIOD = Period(date(2026, 10, 28), date(2026, 11, 6))
NEW_YORK, KOLKATA = "America/New_York", "Asia/Kolkata"


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def local(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


NOW_MS = ms(datetime(2026, 11, 7, 12, tzinfo=UTC))


def open_at(app: App, moment: datetime, user: str) -> Event:
    at_ms = ms(moment)
    return opened(user, at_ms, app_id=app.id, received_at_ms=at_ms, receipt=new_receipt(at_ms))


def moved(connection: Connection, app: App, zone: str) -> App:
    move(connection, app.id, zone)
    found = app_with_id(connection, app.id)
    assert found is not None
    return found


@pytest.fixture
def traffic(connection: Connection, shop: App) -> list[tuple[datetime, str]]:
    """Stores what twelve users did in two weeks, at any time of the day."""
    random = Random(20261130)
    begin = datetime(2026, 10, 26, tzinfo=UTC)
    moments = [
        (begin + timedelta(minutes=random.randrange(14 * 24 * 60)), f"user {random.randrange(12)}")
        for _ in range(160)
    ]
    store(connection, *(open_at(shop, moment, user) for moment, user in moments))
    count_all(connection)
    return moments


def question(period: Period = PERIOD, by: Interval = Interval.DAY) -> Question:
    return Question(period=period, by=by)


def events_of(report: Report) -> dict[datetime, int]:
    return {row.start: row.figures.events for row in report.rows if row.start}


@pytest.mark.parametrize("zone", ["UTC", KOLKATA, NEW_YORK])
def test_days_and_hours_have_what_happened_in_them_by_the_clock_of_the_app(
    connection: Connection, shop: App, traffic: list[tuple[datetime, str]], zone: str
) -> None:
    app = moved(connection, shop, zone)
    count_all(connection)
    inside = [
        (moment.astimezone(ZoneInfo(zone)), user)
        for moment, user in traffic
        if PERIOD.first <= moment.astimezone(ZoneInfo(zone)).date() <= PERIOD.last
    ]

    days = answer(connection, app, question(), NOW_MS)
    hours = answer(connection, app, question(by=Interval.HOUR), NOW_MS)

    by_day = Counter(moment.date() for moment, _ in inside)
    found = events_of(days)
    assert {start.date(): events for start, events in found.items()} == {
        PERIOD.first + timedelta(days=n): by_day[PERIOD.first + timedelta(days=n)]
        for n in range(PERIOD.days)
    }
    for start in found:
        assert start == local(zone, f"{start.date()}T00:00"), "the first moment of the day"
    users = {row.start.date(): row.figures.users for row in days.rows if row.start}
    for day in by_day:
        assert users[day] == len({user for moment, user in inside if moment.date() == day})
    in_hours = Counter(
        (moment - timedelta(minutes=moment.minute)).astimezone(UTC) for moment, _ in inside
    )
    assert {hour: events for hour, events in events_of(hours).items() if events} == in_hours
    assert len(hours.rows) == 24 * PERIOD.days + (zone == NEW_YORK)
    assert days.total.events == hours.total.events == len(inside)
    assert days.other_zone_days == 0
    header = to_csv(report_sheet(days)).splitlines()[0]
    assert header.startswith(f"day ({zone}),")


@pytest.mark.parametrize("zone", ["UTC", KOLKATA, NEW_YORK])
def test_active_users_retention_and_cohorts_are_a_count_of_raw_events_by_the_zone(
    connection: Connection, shop: App, traffic: list[tuple[datetime, str]], zone: str
) -> None:
    app = moved(connection, shop, zone)
    count_all(connection)
    active: defaultdict[str, set[date]] = defaultdict(set)
    for moment, user in traffic:
        active[user].add(moment.astimezone(ZoneInfo(zone)).date())
    today = app.today(NOW_MS)
    asked = ActivityQuestion("production", Period(date(2026, 10, 25), today))

    for row in active_users(connection, app, asked, today):
        spans = (1, 7, 30)
        assert (row.dau, row.wau, row.mau) == tuple(
            sum(any(0 <= (row.day - day).days < span for day in days) for days in active.values())
            for span in spans
        ), row.day
    for cohort in retention(connection, app, asked, today):
        members = [days for days in active.values() if min(days) == cohort.day]
        assert cohort.users == len(members)
        for after, returned in enumerate(cohort.retained, start=1):
            day = cohort.day + timedelta(days=after)
            expected = sum(day in days for days in members)
            assert returned == (expected if day < today else None)
    cohorts = CohortQuestion(period=asked.period, span=CohortSpan.WEEK)
    for week in read_cohorts(connection, app, cohorts, today).rows:
        members = [days for days in active.values() if week.first <= min(days) <= week.last]
        assert week.users == len(members)
        assert week.values[1] in {
            None,
            sum(min(days) + timedelta(days=1) in days for days in members),
        }


def test_today_and_its_comparison_end_at_the_hour_of_the_clock_of_the_app(
    connection: Connection, shop: App
) -> None:
    app = moved(connection, shop, NEW_YORK)
    moments = (
        *("2026-10-31T23:30", "2026-11-01T00:30", "2026-11-01T01:30", "2026-11-01T09:59"),
        *("2026-11-01T10:01", "2026-11-02T00:01", "2026-11-02T09:59", "2026-11-02T10:10"),
    )
    store(
        connection,
        *(open_at(app, local(NEW_YORK, text), f"user {n}") for n, text in enumerate(moments)),
        # The second time that clocks show half past one.
        open_at(app, local(NEW_YORK, "2026-11-01T01:30").replace(fold=1), "again"),
    )
    count_all(connection)
    now_ms = ms(local(NEW_YORK, "2026-11-02T10:40"))
    period = period_of(None, None, app.today(now_ms), Preset.TODAY)
    asked = replace(question(period), against=Against.PREVIOUS)

    report = answer(connection, app, asked, now_ms)

    assert period == Period(date(2026, 11, 2), date(2026, 11, 2))
    assert [row.so_far for row in report.rows] == [True]
    assert report.comparison is not None
    assert report.comparison.current.events == 2
    assert report.comparison.earlier.events == 4, "of a day with 25 hours, eleven until ten"
    title = "Compared with 2026-11-01 to 2026-11-01, both until 10:00 America/New_York"
    assert comparison_title(report) == title
    (overview,) = read_overviews(connection, [app], Environment.PRODUCTION, now_ms)
    assert (overview.today.events, overview.yesterday.events) == (3, 5)
    assert (overview.today_until.events, overview.yesterday_until.events) == (2, 4)
    assert f"{overview.until:%H:%M}" == "10:00"


def test_exports_events_of_rows_and_costs_are_of_the_days_of_the_zone(
    connection: Connection, shop: App
) -> None:
    app = moved(connection, shop, KOLKATA)
    store(
        connection,
        *(open_at(app, local(KOLKATA, f"2026-11-0{day}T00:10"), f"u{day}") for day in (2, 3, 4)),
    )
    count_all(connection)
    day = Period(date(2026, 11, 3), date(2026, 11, 3))
    connection.execute("INSERT INTO partners (name) VALUES ('X')")
    connection.execute(
        "INSERT INTO links (app_id, partner_id, name, offer_id, pub_id, destination)"
        " SELECT %s, id, 'L', '1', '1', 'https://shop.example/' FROM partners",
        (app.id,),
    )
    content = "day,partner,amount,currency\n2026-11-03,X,4,EUR\n"
    upload_costs(connection, ADMIN, app, read_cost_file(content))

    (page,) = raw_events(lambda: nullcontext(connection), app, "production", day)
    report = answer(connection, app, question(day), NOW_MS)

    assert [msgspec.json.decode(line)["user_id"] for line in page.splitlines()] == ["u3"]
    (row,) = report.rows
    assert row.start is not None
    assert row.start.isoformat() == "2026-11-03T00:00:00+05:30"
    assert (row.figures.events, row.figures.cost) == (1, Decimal(4))
    (path,) = row_paths(app, report)
    assert "from=2026-11-03&to=2026-11-03" in path
    values = {"from": "2026-11-03", "to": "2026-11-03"}
    wanted = read_filter(connection, app, "production", values, NOW_MS)
    page_of_day = list_events(connection, app, wanted, None, 10)
    assert [event.user_id for event in page_of_day.events] == ["u3"]
    values = {"from": "2026-11-03T00:00", "to": "2026-11-03T00:09"}
    wanted = read_filter(connection, app, "production", values, NOW_MS)
    assert list_events(connection, app, wanted, None, 10).events == []


def test_days_that_wait_to_be_counted_again_are_told_and_then_none_is(
    connection: Connection, shop: App, traffic: list[tuple[datetime, str]]
) -> None:
    assert read_recount(connection, shop) is None
    app = moved(connection, shop, KOLKATA)
    connection.execute("UPDATE apps SET time_zone_at = '2026-11-07 10:00+00'")
    app = app_with_id(connection, app.id) or app

    recount = read_recount(connection, app)
    report = answer(connection, app, question(), NOW_MS)

    assert recount is not None
    assert recount.days_left == len({moment.date() for moment, _ in traffic})
    assert recount.sentences.startswith(
        "Since 2026-11-07 10:00 UTC, days are counted again in Asia/Kolkata, the newest first: 14 "
        "days left."
    )
    assert report.other_zone_days == PERIOD.days
    assert (
        answer(connection, app, question(by=Interval.HOUR), NOW_MS).other_zone_days == PERIOD.days
    )
    move(connection, app.id, KOLKATA)
    count_all(connection)
    assert read_recount(connection, app) is None
    assert answer(connection, app, question(), NOW_MS).other_zone_days == 0


def test_days_whose_events_have_expired_are_told_to_stay(
    connection: Connection, shop: App, traffic: list[tuple[datetime, str]]
) -> None:
    assert traffic
    connection.execute(
        "INSERT INTO retention (app_id, counted_before) VALUES (%s, '2026-10-30')", (shop.id,)
    )
    app = moved(connection, shop, KOLKATA)
    count_all(connection)

    recount = read_recount(connection, app)

    assert recount is not None
    assert (recount.days_left, recount.kept_until) == (0, date(2026, 10, 30))
    assert "Days until 2026-10-30 stay in the time zone before" in recount.sentences


@pytest.mark.parametrize("zone", [KOLKATA, NEW_YORK])
def test_a_report_of_one_day_offers_its_choices_by_hour_too_and_tells_of_its_changes(
    connection: Connection, shop: App, traffic: list[tuple[datetime, str]], zone: str
) -> None:
    app = moved(connection, shop, zone)
    count_all(connection)
    day = traffic[0][0].astimezone(ZoneInfo(zone)).date()
    one_day = Period(day, day)
    by_day, by_hour = (question(one_day, by) for by in (Interval.DAY, Interval.HOUR))

    assert read_choices(connection, app, by_day).countries
    assert read_choices(connection, app, by_hour) == read_choices(connection, app, by_day)
    for hour in (app.days.start(day), app.days.end(day) - timedelta(hours=1)):
        connection.execute(
            "INSERT INTO stale_periods VALUES (%s, 'production', 'hour', %s)", (app.id, hour)
        )
    outside = app.days.end(day)
    connection.execute(
        "INSERT INTO stale_periods VALUES (%s, 'production', 'hour', %s)", (app.id, outside)
    )
    assert [answer(connection, app, each, NOW_MS).stale for each in (by_day, by_hour)] == [2, 2]


def test_a_large_day_that_is_being_counted_again_is_in_cohorts_once(
    connection: Connection, shop: App, traffic: list[tuple[datetime, str]]
) -> None:
    assert traffic
    today = shop.today(NOW_MS)
    asked = CohortQuestion(period=Period(date(2026, 10, 25), today), span=CohortSpan.WEEK)
    before = read_cohorts(connection, shop, asked, today)
    assert any(row.values[1] for row in before.rows)

    connection.execute(
        """
        INSERT INTO comebacks
        SELECT app_id, environment, day, since, days, link_id, source, users, true FROM comebacks
        """
    )
    assert read_cohorts(connection, shop, asked, today) == before
