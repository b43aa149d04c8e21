"""Apps with events of a day long ago, and what moves them into files."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.apps.apps import App, create_app
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.day_files.catalog import DayFile, list_files
from shared.day_files.day_file_settings import DayFileSettings
from shared.events import Event
from shared.ids import new_receipt
from shared.partitions import day_of, has_partition, make_days
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.integration.fresh import fresh
from tests.support.build import ADMIN
from workers.maintenance.close_days import DayCloser

DAY_MS = 86_400_000
OLD_DAYS = 100
CLOSE_AFTER_DAYS = 90

Close = Callable[[], list[DayFile]]


def ago(days: float) -> int:
    return now_ms() - int(days * DAY_MS)


def received(app: App, days_ago: float, **changes: Any) -> Event:
    at_ms = ago(days_ago)
    usual: dict[str, Any] = {
        "app_id": app.id,
        "receipt": new_receipt(at_ms),
        "received_at_ms": at_ms,
        "event_time_ms": at_ms,
    }
    return fresh(**{**usual, **changes})


@pytest.fixture
def resources(connection: Connection, redis: Redis) -> Resources:
    return Resources(connection, redis, SECRET_KEY)


@pytest.fixture
def shop(resources: Resources) -> App:
    return create_app(resources, ADMIN, "Shop", "abc123def456")


@pytest.fixture
def close(connection: Connection, tmp_path: Path) -> Iterator[Close]:
    """Makes the partitions of the days, and moves their events into files when it is called."""
    days = [day_of(ago(OLD_DAYS)) + timedelta(days=step) for step in range(-3, 4)]
    make_days(connection, days)

    def move() -> list[DayFile]:
        settings = DayFileSettings(
            day_files=str(tmp_path / "files"), close_after_days=CLOSE_AFTER_DAYS
        )
        DayCloser(connection, settings, now_ms).run(60)
        return list_files(connection)

    yield move
    for day in days:
        if has_partition(connection, day):
            connection.execute(f"DROP TABLE events_{day:%Y%m%d}".encode())
