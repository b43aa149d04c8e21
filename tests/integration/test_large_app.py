"""The generated large app has the rollups that workers would have made of it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from console.apps.apps import create_app
from console.resources import Resources
from shared.database import Connection, connect
from shared.migrate import migrate
from shared.redis import Redis
from tests.integration.counted import count_all
from tests.support.build import ADMIN, SECRET_KEY
from tests.support.large_app import LargeApp, fill
from workers.rollups.stale_periods import mark_app_stale

EVENTS = 3_000
ROLLUPS = {
    "figures": "grain, start, event, link_id, source, campaign, country, currency, events, amount,"
    " installs, reattributions, sessions",
    "figure_sums": "grain, start, level, event, link_id, source, campaign, country, currency,"
    " events, amount, installs, organic, sessions",
    "traffic": "grain, start, part, link_id, source, campaign, sub_id, clicks, impressions,"
    " click_installs, view_installs, round(delay_ms), delay_10s, delay_1m, delay_1h, delay_1d",
    "traffic_sums": "grain, start, level, part, link_id, source, campaign, sub_id, clicks,"
    " impressions, click_installs, round(delay_ms), delay_7d, delay_more",
    "place_sums": "start, event, partner_id, source, country, currency, events, amount, installs,"
    " organic, sessions",
    "earning_sums": "day, first_day, currency, amount",
    "reach": "grain, start, split, event, partner_id, link_id, source, campaign, country, users",
    "comebacks": "day, since, days, link_id, source, users",
    "earnings": "day, first_day, link_id, source, currency, is_ad, amount",
}


def rollups(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: sorted(
            connection.execute(f"SELECT {columns} FROM {table}".encode()).fetchall(), key=repr
        )
        for table, columns in ROLLUPS.items()
    }


def names_of_indexes(connection: Connection) -> set[str]:
    rows = connection.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
    return {name for (name,) in rows}


@pytest.fixture
def own_database(database_url: str) -> Iterator[Connection]:
    """Of its own, because indexes are dropped and made again."""
    with connect(database_url, "tests") as admin:
        admin.execute("CREATE DATABASE large_app")
        with connect(database_url.replace("/waybill?", "/large_app?"), "tests") as connection:
            migrate(connection, finish=True)
            yield connection
        admin.execute("DROP DATABASE large_app WITH (FORCE)")


def test_a_large_app_has_the_rollups_that_workers_make_of_it(
    own_database: Connection, redis: Redis
) -> None:
    connection = own_database
    app = create_app(Resources(connection, redis, SECRET_KEY), ADMIN, "Large")
    now = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)
    indexes = names_of_indexes(connection)
    for _ in fill(connection, LargeApp(app.id, EVENTS, now, days=4)):
        pass
    generated = rollups(connection)
    assert all(generated.values())
    assert indexes <= names_of_indexes(connection)

    mark_app_stale(connection, app.id)
    connection.execute(
        "INSERT INTO stale_periods (app_id, environment, grain, start)"
        " SELECT app_id, environment, grain, start FROM counted_periods WHERE grain = 'hour'"
    )
    count_all(connection, 600)

    assert rollups(connection) == generated
