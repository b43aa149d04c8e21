"""Active users and retention: right by a plain count, and read by indexes alone."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from console.activity import (
    ACTIVE_USERS,
    RETAINED_USERS,
    Period,
    active_users,
    retention,
)
from console.apps import App, create_app
from console.installation import Installation
from shared.database import Connection
from tests.build import ADMIN

DAY_0 = date(2026, 1, 10)
TODAY = date(2026, 12, 31)


def day(number: int) -> date:
    return DAY_0 + timedelta(days=number)


def be_active(
    connection: Connection,
    app: App,
    days: Mapping[str, Iterable[int]],
    environment: str = "production",
) -> None:
    """Users with sessions on these days, first seen on the first of them at 23:59:59.999."""
    for user, numbers in days.items():
        ordered = sorted(numbers)
        first = datetime.combine(day(ordered[0]), datetime.max.time(), UTC)
        (user_ref,) = connection.execute(
            """
            INSERT INTO users (app_id, environment, user_id, first_time) VALUES (%s, %s, %s, %s)
            RETURNING id
            """,
            (app.id, environment, user, first),
        ).fetchone() or (0,)
        connection.execute(
            "INSERT INTO activity SELECT %s, %s, day, %s FROM unnest(%s::date[]) AS day",
            (app.id, environment, user_ref, [day(number) for number in ordered]),
        )


def test_an_active_user_counts_once_in_each_span_that_ends_with_the_day(
    connection: Connection, shop: App
) -> None:
    be_active(connection, shop, {"a": [0, 1, 6, 7, 40], "b": [1], "c": [35]})

    period = Period(day(-1), day(45))
    found = {row.day: row for row in active_users(connection, shop, "production", period)}

    assert len(found) == 47
    assert [found[day(n)].dau for n in (-1, 0, 1, 2, 6)] == [0, 1, 2, 0, 1]
    assert [found[day(n)].wau for n in (0, 1, 7, 8, 13, 14, 40)] == [1, 2, 2, 1, 1, 0, 2]
    assert [found[day(n)].mau for n in (0, 1, 30, 31, 35, 36, 37, 40)] == [1, 2, 2, 1, 2, 2, 1, 2]
    assert found[day(1)].stickiness == 1
    assert found[day(30)].stickiness == 0
    assert found[day(-1)].stickiness is None


def test_days_before_the_report_count_into_its_weeks_and_months(
    connection: Connection, shop: App
) -> None:
    be_active(connection, shop, {"a": [-29], "b": [-30], "c": [-6], "d": [-7]})

    (row,) = active_users(connection, shop, "production", Period(DAY_0, DAY_0))

    assert (row.dau, row.wau, row.mau, row.stickiness) == (0, 1, 3, 0)


def test_a_report_agrees_with_a_plain_count(connection: Connection, shop: App) -> None:
    days = {f"u{n}": {(n * k * k) % 90 for k in range(1 + n % 7)} for n in range(60)}
    be_active(connection, shop, days)

    def plain(last: int, span: int) -> int:
        return sum(any(last - span < number <= last for number in seen) for seen in days.values())

    rows = active_users(connection, shop, "production", Period(day(20), day(95)))

    assert [(row.dau, row.wau, row.mau) for row in rows] == [
        (plain(n, 1), plain(n, 7), plain(n, 30)) for n in range(20, 96)
    ]


def test_retention_counts_from_the_day_on_which_a_user_was_seen_first(
    connection: Connection, shop: App
) -> None:
    be_active(connection, shop, {"a": [0, 1, 30, 31], "b": [0, 1, 2], "c": [1, 3], "d": [5]})

    first, second = retention(connection, shop, "production", Period(day(0), day(4)), TODAY)

    assert (first.day, first.users, second.day, second.users) == (day(0), 2, day(1), 1)
    assert first.retained == (2, 1, *[0] * 27, 1)
    assert second.retained == (0, 1, *[0] * 28)


def test_retention_is_not_known_before_a_day_is_over(connection: Connection, shop: App) -> None:
    be_active(connection, shop, {"a": [0, 1, 2]})

    (cohort,) = retention(connection, shop, "production", Period(day(0), day(0)), today=day(2))

    assert cohort.retained == (1, *[None] * 29)


def test_the_sandbox_and_other_apps_are_counted_apart(
    installation: Installation, connection: Connection, shop: App
) -> None:
    other = create_app(installation, ADMIN, "Other")
    be_active(connection, shop, {"a": [0, 1]})
    be_active(connection, shop, {"a": [0], "b": [0]}, environment="sandbox")
    be_active(connection, other, {"a": [0]})

    period = Period(day(0), day(0))
    expected = [(shop, "production", 1), (shop, "sandbox", 2), (other, "production", 1)]
    for app, environment, users in expected:
        (row,) = active_users(connection, app, environment, period)
        (cohort,) = retention(connection, app, environment, period, TODAY)
        assert (row.dau, row.mau, cohort.users) == (users, users, users)


@pytest.mark.parametrize("statement", [ACTIVE_USERS, RETAINED_USERS], ids=["activity", "retention"])
def test_a_report_reads_the_days_it_shows_by_index_and_no_event(
    installation: Installation, connection: Connection, shop: App, statement: str
) -> None:
    """Half a year of two apps, of which a week is asked for."""
    other = create_app(installation, ADMIN, "Other")
    connection.execute(
        """
        INSERT INTO users (app_id, environment, user_id, first_time)
        SELECT app, 'production', number::text,
               %(from)s::date::timestamp AT TIME ZONE 'UTC' + number %% 180 * interval '1 day'
        FROM unnest(%(apps)s::bigint[]) AS app, generate_series(1, 5000) AS number
        """,
        {"apps": [shop.id, other.id], "from": DAY_0},
    )
    connection.execute(
        """
        INSERT INTO activity
        SELECT app_id, environment, (first_time AT TIME ZONE 'UTC')::date + later, id
        FROM users, generate_series(0, 8) AS later
        """
    )
    connection.execute("ANALYZE users, activity")
    arguments = {
        "app_id": shop.id,
        "environment": "production",
        "from": day(60),
        "to": day(66),
        "week": 7,
        "month": 30,
        "days": 30,
    }

    rows = connection.execute(f"EXPLAIN (ANALYZE) {statement}".encode(), arguments)
    plan = "\n".join(line for (line,) in rows)

    assert "Seq Scan" not in plan
    assert "events" not in plan
    assert "activity_pkey" in plan or "activity_user" in plan
    assert ("users_first_time" in plan) == (statement is RETAINED_USERS)
