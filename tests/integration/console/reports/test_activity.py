"""Tests that active users and retention match a plain count, and are read by index."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from console.apps.apps import ActiveBy, App, create_app
from console.reports.active_by import ActivityBasis, read_basis
from console.reports.activity import ACTIVE_USERS, ActivityQuestion, active_users
from console.reports.filters import Split
from console.reports.period import Period
from console.reports.retention import RETAINED_USERS, retention
from console.reports.sums.levels import read_levels
from console.resources import Resources
from shared.database import Connection
from shared.events import Environment, Kind
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

DAY_0 = date(2026, 1, 10)
TODAY = date(2026, 12, 31)
NOON = time(12)


def day(number: int) -> date:
    return DAY_0 + timedelta(days=number)


def asked(period: Period, by: ActiveBy = ActiveBy.SESSIONS) -> ActivityQuestion:
    return ActivityQuestion("production", period, by)


def be_active(
    connection: Connection,
    app: App,
    days: Mapping[str, Iterable[int]],
    environment: str = "production",
) -> None:
    """Stores opens of users on the given days, on the first of them at 23:59:59.999."""
    opens = []
    for user, numbers in days.items():
        first, *others = sorted(numbers)
        opens.append((user, datetime.combine(day(first), datetime.max.time(), UTC)))
        opens += [(user, datetime.combine(day(n), NOON, UTC)) for n in others]
    events = [
        fresh(
            app_id=app.id,
            environment=Environment(environment),
            user_id=user,
            kind=Kind.OPEN,
            event_id="__open",
            event_time_ms=int(at.timestamp() * 1000),
        )
        for user, at in opens
    ]
    store(connection, *events)
    count_all(connection)


def test_an_active_user_counts_once_in_each_span_that_ends_with_the_day(
    connection: Connection, shop: App
) -> None:
    be_active(connection, shop, {"a": [0, 1, 6, 7, 40], "b": [1], "c": [35]})

    period = Period(day(-1), day(45))
    rows = {row.day: row for row in active_users(connection, shop, asked(period), TODAY)}

    assert len(rows) == 47
    assert [rows[day(n)].dau for n in (-1, 0, 1, 2, 6)] == [0, 1, 2, 0, 1]
    assert [rows[day(n)].wau for n in (0, 1, 7, 8, 13, 14, 40)] == [1, 2, 2, 1, 1, 0, 2]
    assert [rows[day(n)].mau for n in (0, 1, 30, 31, 35, 36, 37, 40)] == [1, 2, 2, 1, 2, 2, 1, 2]
    assert rows[day(1)].stickiness == 1
    assert rows[day(30)].stickiness == 0
    assert rows[day(-1)].stickiness is None


def test_days_before_the_report_count_into_its_weeks_and_months(
    connection: Connection, shop: App
) -> None:
    be_active(connection, shop, {"a": [-29], "b": [-30], "c": [-6], "d": [-7]})

    (row,) = active_users(connection, shop, asked(Period(DAY_0, DAY_0)), TODAY)

    assert (row.dau, row.wau, row.mau, row.stickiness) == (0, 1, 3, 0)


def test_a_report_agrees_with_a_plain_count(connection: Connection, shop: App) -> None:
    days = {f"u{n}": {(n * k * k) % 90 for k in range(1 + n % 7)} for n in range(60)}
    be_active(connection, shop, days)

    def plain_count(last: int, span: int) -> int:
        return sum(
            any(last - span < number <= last for number in active) for active in days.values()
        )

    rows = active_users(connection, shop, asked(Period(day(20), day(95))), TODAY)

    assert [(row.dau, row.wau, row.mau) for row in rows] == [
        (plain_count(n, 1), plain_count(n, 7), plain_count(n, 30)) for n in range(20, 96)
    ]


def test_retention_counts_from_the_day_on_which_a_user_was_seen_first(
    connection: Connection, shop: App
) -> None:
    be_active(connection, shop, {"a": [0, 1, 30, 31], "b": [0, 1, 2], "c": [1, 3], "d": [5]})

    first, second, *others = retention(connection, shop, asked(Period(day(0), day(4))), TODAY)

    assert (first.day, first.users, second.day, second.users) == (day(0), 2, day(1), 1)
    assert first.retained == (2, 1, *[0] * 27, 1)
    assert second.retained == (0, 1, *[0] * 28)
    assert [(cohort.day, cohort.users, cohort.share(1)) for cohort in others] == [
        (day(number), 0, None) for number in (2, 3, 4)
    ]


def test_retention_is_not_known_before_a_day_is_over(connection: Connection, shop: App) -> None:
    be_active(connection, shop, {"a": [0, 1, 2]})

    (cohort,) = retention(connection, shop, asked(Period(day(0), day(0))), today=day(2))

    assert cohort.retained == (1, *[None] * 29)


def test_the_sandbox_and_other_apps_are_counted_apart(
    resources: Resources, connection: Connection, shop: App
) -> None:
    other = create_app(resources, ADMIN, "Other")
    be_active(connection, shop, {"a": [0, 1]})
    be_active(connection, shop, {"a": [0], "b": [0]}, environment="sandbox")
    be_active(connection, other, {"a": [0]})

    period = Period(day(0), day(0))
    expected = [(shop, "production", 1), (shop, "sandbox", 2), (other, "production", 1)]
    for app, environment, users in expected:
        (row,) = active_users(connection, app, ActivityQuestion(environment, period), TODAY)
        (cohort,) = retention(connection, app, ActivityQuestion(environment, period), TODAY)
        assert (row.dau, row.mau, cohort.users) == (users, users, users)


@pytest.mark.parametrize("statement", [ACTIVE_USERS, RETAINED_USERS], ids=["activity", "retention"])
def test_a_report_reads_the_days_it_shows_by_index_and_no_user(
    resources: Resources, shop: App, statement: str
) -> None:
    """Reads one week of half a year of two apps."""
    connection = resources.connection
    other = create_app(resources, ADMIN, "Other")
    connection.execute(
        """
        INSERT INTO comebacks
        SELECT app, 'production', %(from)s::date + later, since, days, 0, '', 1
        FROM unnest(%(apps)s::bigint[]) AS app, generate_series(0, 180) AS later,
             unnest(ARRAY['first', 'last']) AS since, generate_series(1, 60) AS days
        """,
        {"apps": [shop.id, other.id], "from": DAY_0},
    )
    connection.execute(
        """
        INSERT INTO figure_sums
        SELECT app, 'production', 'day', %(from)s::date + later * interval '1 day', 'origin',
               event::text, 0, '', '', '', '', 1, 1, 1, 1, 1, 1, 1, 0
        FROM unnest(%(apps)s::bigint[]) AS app, generate_series(0, 180) AS later,
             generate_series(1, 60) AS event
        """,
        {"apps": [shop.id, other.id], "from": DAY_0},
    )
    connection.execute("ANALYZE comebacks, figures")
    arguments = {
        "app_id": shop.id,
        "environment": "production",
        "from": day(60),
        "to": day(66),
        "week": 7,
        "month": 30,
        "days": 30,
        "since": "last" if statement is ACTIVE_USERS else "first",
        "link_ids": None,
        "source": None,
    }

    query = statement.format(figures=read_levels(connection).figures_by({Split.PARTNER}))
    rows = connection.execute(f"EXPLAIN (ANALYZE) {query}".encode(), arguments)
    plan = "\n".join(line for (line,) in rows)

    assert "Seq Scan" not in plan
    assert "comebacks_day" in plan or "comebacks_cohort" in plan
    assert ("figure_sums_period" in plan) == (statement is RETAINED_USERS)


def buy(connection: Connection, app: App, days: Mapping[str, Iterable[int]]) -> None:
    """Stores purchases of users at noon of the given days."""
    events = [
        fresh(
            app_id=app.id,
            user_id=user,
            event_id="purchase",
            event_time_ms=int(datetime.combine(day(number), NOON, UTC).timestamp() * 1000),
        )
        for user, numbers in days.items()
        for number in numbers
    ]
    store(connection, *events)
    count_all(connection)


def test_users_without_opens_are_active_where_any_event_counts(
    connection: Connection, shop: App
) -> None:
    be_active(connection, shop, {"opens": [0, 1]})
    buy(connection, shop, {"buys": [0, 1, 9], "both": [1]})
    buy(connection, shop, {"buys": [0, 0]})  # late, and a day that is active already

    period = Period(day(0), day(9))
    counted = {
        by: (
            [row.dau for row in active_users(connection, shop, asked(period, by), TODAY)],
            [row.wau for row in active_users(connection, shop, asked(period, by), TODAY)],
            [
                (cohort.users, cohort.retained[0], cohort.retained[8])
                for cohort in retention(connection, shop, asked(period, by), TODAY)[:2]
            ],
        )
        for by in ActiveBy
    }

    assert counted[ActiveBy.SESSIONS] == (
        [1, 1, *[0] * 8],
        [*[1] * 8, 0, 0],
        [(2, 1, 0), (1, 0, 0)],
    )
    assert counted[ActiveBy.EVENTS] == (
        [2, 3, *[0] * 7, 1],
        [2, *[3] * 7, 0, 1],
        [(2, 2, 1), (1, 0, 0)],
    )


def test_a_late_event_corrects_the_days_after_it(connection: Connection, shop: App) -> None:
    buy(connection, shop, {"ann": [10, 20]})
    buy(connection, shop, {"ann": [14]})

    period = Period(day(10), day(20))
    rows = active_users(connection, shop, asked(period, ActiveBy.EVENTS), TODAY)

    assert [row.wau for row in rows] == [1] * 11
    assert [row.dau for row in rows] == [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("opens", "buyers", "setting", "by", "session_users"),
    [
        (2, 2, None, ActiveBy.SESSIONS, 2),
        (1, 2, None, ActiveBy.EVENTS, 1),
        (0, 1, None, ActiveBy.EVENTS, 0),
        (0, 0, None, ActiveBy.SESSIONS, 0),
        (0, 1, "sessions", ActiveBy.SESSIONS, 0),
        (1, 0, "events", ActiveBy.EVENTS, 1),
    ],
)
def test_the_traffic_decides_what_counts_unless_the_app_does(
    connection: Connection,
    shop: App,
    opens: int,
    buyers: int,
    setting: str | None,
    by: ActiveBy,
    session_users: int,
) -> None:
    be_active(connection, shop, {f"o{number}": [0] for number in range(opens)})
    buy(connection, shop, {f"b{number}": [1] for number in range(buyers)})
    app = replace(shop, active_users_by=setting)

    basis = read_basis(connection, app, "production", day(20))

    assert basis == ActivityBasis(by, setting is None, opens + buyers, session_users)
    assert read_basis(connection, app, "production", day(40)).users == 0
