"""Fixtures on the real stores, and one sample event in each of the places where it can be."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from console.apps.apps import App, create_app
from console.main import run_command
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Environment, Event, Kind
from shared.ids import new_receipt
from shared.redis import Redis, connect
from tests.integration.conftest import SECRET_KEY
from tests.integration.workers.conftest import Bench, opened
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES

Ask = Callable[..., Any]


@pytest.fixture
def resources(connection: Connection, redis: Redis) -> Resources:
    return Resources(connection, redis, SECRET_KEY)


@pytest.fixture
def shop(resources: Resources) -> App:
    return create_app(resources, ADMIN, "Shop", "abc123def456")


@pytest.fixture
def event(shop: App) -> Event:
    return event_of(shop)


def event_of(app: App) -> Event:
    """Returns a purchase, received now."""
    time_ms = now_ms()
    return Event(
        receipt=new_receipt(time_ms),
        received_at_ms=time_ms,
        app_id=app.id,
        token_id=1,
        environment=Environment.PRODUCTION,
        kind=Kind.EVENT,
        endpoint="/postback",
        user_id="0000-AAAA-BBBB-CCCC",
        event_id="purchase",
        ip_address="2001:db8::7",
        sale_amount="42.50",
        sale_amount_currency="EUR",
        parameters={"shelf": "upper"},
    )


@pytest.fixture
def variables(database_url: str, redis_url: str) -> dict[str, str]:
    """Returns the environment of a command."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "WAYBILL_SECRET_KEY": SECRET_KEY.decode(),
    }


@pytest.fixture
def ask(
    variables: dict[str, str],
    connection: Connection,  # noqa: ARG001 - empty tables
    redis: Redis,  # noqa: ARG001 - an empty Redis
    capsys: pytest.CaptureFixture[str],
) -> Ask:
    """Returns a function that runs a command with --json and returns its one document."""

    def ask(*arguments: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert run_command([*arguments, "--json"], variables) == status
        printed = capsys.readouterr()
        assert printed.err == ""
        return json.loads(printed.out)

    return ask


@pytest.fixture
def bench(connection: Connection, redis: Redis, database_url: str) -> Iterator[Bench]:
    """Yields a worker that stores and decides."""
    with opened(connection, redis, database_url) as bench:
        yield bench


@pytest.fixture
def broken_redis() -> Iterator[Redis]:
    """Yields a Redis client without a server."""
    redis = connect("redis://127.0.0.1:1", NAMES)
    yield redis
    redis.close()


def store_event(connection: Connection, event: Event) -> None:
    """Stores an event as a worker would."""
    connection.execute(
        """
        INSERT INTO events (
            receipt, app_id, token_id, environment, kind, endpoint, user_id, event_id,
            event_type_id, unmapped, event_time, received_at, ip_address, sale_amount,
            sale_amount_currency, device_ids, parameters
        )
        SELECT %(receipt)s, %(app_id)s, 1, 'production', 'event', '/postback', %(user_id)s,
            %(event_id)s, types.id, types.id IS NULL, now(), now(), '2001:db8::7', 42.5, 'EUR',
            '{}', '{"shelf": "upper"}'
        FROM (SELECT) AS one LEFT JOIN event_types AS types
            ON types.app_id = %(app_id)s AND types.mapping_id = %(event_id)s
        """,
        {
            "receipt": event.receipt,
            "app_id": event.app_id,
            "user_id": event.user_id,
            "event_id": event.event_id,
        },
    )


def repeat_of(connection: Connection, first: Event, receipt: UUID, *, conflict: bool) -> None:
    connection.execute(
        "INSERT INTO duplicates (receipt, first_receipt, app_id, conflict, received_at) "
        "VALUES (%s, %s, %s, %s, now())",
        (receipt, first.receipt, first.app_id, conflict),
    )
