"""Reports from the sums of rollups are those from the rollups themselves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.apps.apps import App, create_app
from console.reports.answer import answer
from console.reports.choices import read_choices
from console.reports.cohorts.cohort_question import (
    CohortMetric,
    CohortQuestion,
    CohortSpan,
    CohortSplit,
)
from console.reports.cohorts.cohort_table import read_cohorts
from console.reports.filters import Filters, Split, only, without
from console.reports.period import Period
from console.reports.question import Against, Interval, Question
from console.resources import Resources
from shared.database import Connection, connect
from shared.migrate import migrate
from shared.redis import connect as connect_redis
from tests.support.build import ADMIN, SECRET_KEY
from tests.support.large_app import LargeApp, fill
from tests.support.redis_names import NAMES

NOW = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)
PERIOD = Period(NOW.date() - timedelta(days=2), NOW.date())
COMPARED = Question(period=PERIOD, against=Against.PREVIOUS)
QUESTIONS = (
    COMPARED,
    replace(COMPARED, split=Split.PARTNER),
    replace(COMPARED, split=Split.LINK, then=(Split.EVENT,)),
    replace(COMPARED, split=Split.CAMPAIGN, by=Interval.TOTAL),
    replace(COMPARED, split=Split.COUNTRY),
    replace(COMPARED, split=Split.COUNTRY, then=(Split.PARTNER,)),
    replace(COMPARED, split=Split.PARTNER, then=(Split.COUNTRY, Split.EVENT), by=Interval.TOTAL),
    replace(COMPARED, split=Split.PARTNER, then=(Split.COUNTRY,), by=Interval.HOUR),
    replace(COMPARED, split=Split.COUNTRY, filters=Filters(partner=only("(organic)", "Acme"))),
    replace(
        COMPARED, filters=Filters(country=only("US"), partner=without("newsletter 1 (source)"))
    ),
    replace(COMPARED, split=Split.COUNTRY, filters=Filters(link=only("Link 1"))),
    replace(COMPARED, split=Split.SUB_ID, by=Interval.TOTAL),
    replace(COMPARED, split=Split.EVENT, by=Interval.HOUR),
    replace(COMPARED, filters=Filters(partner=only("Acme", "Bolt"), event=without("cart"))),
    replace(COMPARED, filters=Filters(country=without("US")), split=Split.PARTNER),
    replace(COMPARED, filters=Filters(campaign=only("spring"), partner=without("Acme"))),
)


@pytest.fixture(scope="module")
def filled(database_url: str, redis_url: str) -> Iterator[tuple[Connection, App]]:
    """A database of its own, in which an app has sums of its rollups."""
    with connect(database_url, "tests") as admin:
        admin.execute("CREATE DATABASE levels")
        with connect(database_url.replace("/waybill?", "/levels?"), "tests") as connection:
            migrate(connection, finish=True)
            resources = Resources(connection, connect_redis(redis_url, NAMES), SECRET_KEY)
            app = create_app(resources, ADMIN, "Large")
            for _ in fill(connection, LargeApp(app.id, 3_000, NOW, days=6)):
                pass
            yield connection, app
        admin.execute("DROP DATABASE levels WITH (FORCE)")


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_report_of_sums_is_that_of_the_rollups(
    filled: tuple[Connection, App], question: Question
) -> None:
    connection, app = filled
    now_ms = int(NOW.timestamp() * 1000)
    from_sums = answer(connection, app, question, now_ms)
    choices = read_choices(connection, app, question)

    with connection.transaction(force_rollback=True):
        unfinish(connection)
        from_rollups = answer(connection, app, question, now_ms)
        choices_of_rollups = read_choices(connection, app, question)

    assert from_sums.has_data
    assert from_sums == from_rollups
    assert choices == choices_of_rollups


@pytest.mark.parametrize("metric", [CohortMetric.LTV, CohortMetric.REVENUE])
@pytest.mark.parametrize("split", CohortSplit)
def test_what_cohorts_paid_of_sums_is_that_of_the_rollups(
    filled: tuple[Connection, App], metric: CohortMetric, split: CohortSplit
) -> None:
    connection, app = filled
    question = CohortQuestion(
        period=PERIOD, metric=metric, split=split, span=CohortSpan.DAY, currency="USD"
    )
    from_sums = read_cohorts(connection, app, question, PERIOD.last + timedelta(days=9))

    with connection.transaction(force_rollback=True):
        unfinish(connection)
        from_rollups = read_cohorts(connection, app, question, PERIOD.last + timedelta(days=9))

    assert any(value for row in from_sums.rows for value in row.values)
    assert from_sums == from_rollups


def unfinish(connection: Connection) -> None:
    """Makes the upgrade that brought the sums unfinished, before which there are none."""
    connection.execute("DELETE FROM schema_migrations WHERE name LIKE '%_sums.after'")
    for table in ("figure_sums", "traffic_sums", "place_sums", "earning_sums"):
        connection.execute(f"DELETE FROM {table}".encode())


def test_a_cohort_of_all_users_reads_no_other_days_of_the_app(connection: Connection) -> None:
    connection.execute(
        b"""
        INSERT INTO earning_sums (app_id, environment, day, first_day, currency, amount)
        SELECT 1, 'production', DATE '2026-11-30' - day, DATE '2026-11-30' - first_day, 'USD', 1
        FROM generate_series(0, 299) AS day, generate_series(day, 299) AS first_day
        """
    )
    connection.execute(b"ANALYZE earning_sums")
    plan = connection.execute(
        b"""
        EXPLAIN SELECT first_day, sum(amount) FROM earning_sums
        WHERE app_id = 1 AND environment = 'production'
          AND first_day BETWEEN '2026-11-01' AND '2026-11-07'
        GROUP BY first_day
        """
    ).fetchall()

    assert "earning_sums_cohort" in "\n".join(row for (row,) in plan)
