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


@pytest.fixture(scope="session")
def database_url(stack: Stack) -> str:
    with connect(stack.database_url, "tests") as connection:
        migrate(connection, finish=True)
        make_partitions(connection, now_ms())
    return stack.database_url


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
        "figures",
        "reach",
        "comebacks",
        "large_days",
        "day_events",
        "day_users",
        "traffic",
        "earnings",
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
        "provider_sign_ins",
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
    redis = connect_redis(redis_url)
    redis.flushall()
    yield redis
    redis.close()
