"""Real PostgreSQL and Redis: the wheels' always, Debian's where both are installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.stack import EmbeddedStores, Plan, Stack
from shared.clock import now_ms
from shared.database import Connection, connect
from shared.migrate import migrate
from shared.partitions import make_partitions
from shared.redis import Redis
from shared.redis import connect as connect_redis
from tests.support.redis_names import NAMES

SECRET_KEY = b"a key of the tests, long enough to be one"
DEBIAN = EmbeddedStores(Path("/usr/lib/postgresql/15/bin"), Path("/usr/bin/redis-server"))


def _debian_is_installed() -> bool:
    assert DEBIAN.postgres_binaries
    assert DEBIAN.valkey_program
    return (DEBIAN.postgres_binaries / "initdb").exists() and DEBIAN.valkey_program.exists()


STORES = {"wheels": EmbeddedStores()} | ({"debian": DEBIAN} if _debian_is_installed() else {})


@pytest.fixture(scope="session", params=STORES)
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    plan = Plan(stores=STORES[request.param])
    with Stack(tmp_path_factory.mktemp("data"), {}, plan, print) as stack:
        yield stack


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--schema", help="the tables are in this schema, next to another's in public")


@pytest.fixture(scope="session")
def database_url(stack: Stack, request: pytest.FixtureRequest) -> str:
    if schema := request.config.getoption("--schema"):
        move_to(stack.database_url, schema)
    with connect(stack.database_url, "tests") as connection:
        migrate(connection, finish=True)
        make_partitions(connection, now_ms())
    return stack.database_url


def move_to(database_url: str, schema: str) -> None:
    """Has every session use this schema, and makes other tables of the same names in public."""
    with connect(database_url, "tests") as connection:
        migrate(connection, finish=True)
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        connection.execute(f"ALTER DATABASE waybill SET search_path = {schema}".encode())


@pytest.fixture(scope="session")
def redis_url(stack: Stack) -> str:
    return stack.redis_url


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """Migrated, with every table empty."""
    with connect(database_url, "tests") as connection:
        empty(connection)
        connection.execute("ALTER TABLE apps ALTER COLUMN id RESTART")
        connection.execute("ALTER TABLE event_types ALTER COLUMN id RESTART")
        yield connection


def empty(connection: Connection) -> None:
    """Rows only: truncating a day's partition each would write a dozen files."""
    facts = (
        "events",
        "day_files",
        "replaced_day_files",
        "day_file_folders",
        "unique_events",
        "idempotency_keys",
        "duplicates",
        "quarantine",
        "clicks",
        "click_device_ids",
        "view_device_ids",
        "exchange_rates",
        "rate_sources",
        "withheld_events",
        "tombstones",
        "sharing_choices",
        "erasing_users",
        "erasures",
    )
    of_users = (
        "signals",
        "sightings",
        "identities",
        "attributions",
        "sessions",
        "run_marks",
        "activity",
        "set_aside_users",
        "wide_identifiers",
        "due_decisions",
        "unfinished_decisions",
        "click_uses",
        "users",
    )
    settings = (
        "retention",
        "address_truncations",
        "access_requests",
        "audit_log",
        "audit_anchor",
        "tokens",
        "event_types",
        "costs",
        "link_prices",
        "links",
        "partners",
        "apps",
        "installation",
    )
    delivery = ("callback_attempts", "callbacks", "callback_endpoints")
    alerts = ("alert_messages", "alerts", "alert_destinations", "rejection_hours")
    counted = (
        "stale_periods",
        "counted_periods",
        "day_zones",
        "figures",
        "figure_sums",
        "place_sums",
        "traffic_sums",
        "reach",
        "comebacks",
        "large_days",
        "day_events",
        "day_users",
        "traffic",
        "earnings",
        "earning_sums",
    )
    console = (
        "saved_views",
        "report_deliveries",
        "report_schedules",
        "upload_pieces",
        "uploads",
        "console_sessions",
        "one_time_links",
        "sign_in_attempts",
        "console_keys",
        "app_roles",
        "provider_accounts",
        "second_factors",
        "recovery_codes",
        "pending_sign_ins",
        "people",
    )
    for table in (*facts, *of_users, *counted, *console, *delivery, *alerts, *settings):
        connection.execute(f"DELETE FROM {table}".encode())


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """Empty."""
    redis = connect_redis(redis_url, NAMES)
    redis.flushall()
    yield redis
    redis.close()
