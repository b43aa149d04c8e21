"""What changes events also changes those in day files, which get new checksums."""

from pathlib import Path
from typing import Any
from uuid import UUID

from console.apps.apps import App, create_app
from console.apps.switches import change_switches
from console.event_records import EventRecord, find_records
from console.privacy.erasures import ErasureAction, WantedErasure, find_erasure, request_erasure
from console.privacy.retention import change_retention
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection, connect
from shared.day_files import parquet
from shared.day_files.catalog import list_files
from shared.privacy.identities import IdKind, person_id
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.integration.counted import store
from tests.integration.shared.day_files.conftest import OLD_DAYS, Close, ago, received
from tests.support.build import ADMIN
from workers.maintenance.expiry import expire
from workers.privacy.erasure import Eraser

PLACE = {
    "ip_address": "81.2.69.142",
    "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15",
}


def contents(connection: Connection, place: Path) -> str:
    """Returns the rows of all files as text."""
    csv = place / "rows.csv"
    parquet.read_parquet([file.path for file in list_files(connection)], csv)
    return csv.read_text()


def record_of(connection: Connection, receipt: UUID) -> EventRecord:
    [record] = find_records(connection, [receipt])
    return record


def test_an_erasure_leaves_nothing_of_the_person_in_any_file(
    connection: Connection, resources: Resources, shop: App, close: Close, tmp_path: Path
) -> None:
    hers: dict[str, Any] = {
        **PLACE,
        "user_id": "erika",
        "device_ids": {"idfa": "38400000-8cf0-11bd-b23e-10b96e40000d"},
        "event_value": "erikas-value",
    }
    events = [received(shop, OLD_DAYS - at, **hers) for at in (-2, -1, 0, 1)]
    other = received(shop, OLD_DAYS, user_id="other", event_value="theirs")
    store(connection, *events, other, received(shop, 1, **hers))
    before = close()
    assert contents(connection, tmp_path).count("erikas-value") == 4

    named = person_id(IdKind.EVENT, str(events[0].receipt))
    wanted = WantedErasure((named,), ErasureAction.ERASE)
    asked = request_erasure(resources, ADMIN, shop, wanted, now_ms())
    Eraser(connection, resources.redis, SECRET_KEY, now_ms).run(60)

    done = find_erasure(connection, asked.id)
    assert (done.state, done.counts["events"]) == ("done", 5)
    left = contents(connection, tmp_path)
    assert [trace for trace in ("erika", "38400000", "81.2.69") if trace in left] == []
    assert "theirs" in left
    after = list_files(connection)
    assert [file.event_count for file in after] == [file.event_count for file in before]
    assert not {file.sha256 for file in before} & {file.sha256 for file in after}
    assert [file.path.exists() for file in before] == [False] * len(before)
    assert record_of(connection, events[0].receipt).user_id.startswith("erase:")


def test_addresses_in_files_expire_and_files_do(
    connection: Connection, redis: Redis, shop: App, close: Close, tmp_path: Path
) -> None:
    event = received(shop, OLD_DAYS, **PLACE)
    store(connection, event)
    [before] = close()

    change_retention(connection, ADMIN, shop, {"address_days": 30})
    assert expire(connection, redis, now_ms, 30)["addresses in day files"] == 1
    assert "81.2.69" not in contents(connection, tmp_path)
    signals = connection.execute(b"SELECT address FROM signals").fetchall()
    assert signals == [(None,)]

    change_retention(connection, ADMIN, shop, {"event_days": 90})
    assert expire(connection, redis, now_ms, 30)["day files"] == 1
    assert list_files(connection) == []
    close()  # deletes what was replaced
    assert list(before.path.parent.iterdir()) == []


def test_addresses_in_files_are_truncated(
    connection: Connection, redis: Redis, shop: App, close: Close, tmp_path: Path
) -> None:
    store(connection, received(shop, OLD_DAYS, **PLACE))
    close()

    change_switches(
        Resources(connection, redis, SECRET_KEY), ADMIN, shop, {"truncate_addresses": True}
    )
    assert expire(connection, redis, now_ms, 30)["truncated addresses"] > 0

    text = contents(connection, tmp_path)
    assert ("81.2.69.0" in text, "81.2.69.142" in text) == (True, False)
    assert connection.execute(b"SELECT FROM address_truncations").fetchall() == []


def test_days_of_another_app_and_days_that_are_younger_stay_in_the_table(
    connection: Connection, resources: Resources, shop: App, close: Close
) -> None:
    other = create_app(resources, ADMIN, "Other", "def456abc123")
    store(connection, received(shop, OLD_DAYS), received(other, OLD_DAYS), received(shop, 80))
    files = close()
    assert [file.app_id for file in files] == [shop.id, other.id]
    rows = connection.execute(b"SELECT received_at FROM events").fetchall()
    assert [int(at.timestamp() * 1000) > ago(90) for (at,) in rows] == [True]


def test_nothing_moves_while_somebody_looks_for_old_events(
    connection: Connection, database_url: str, shop: App, close: Close
) -> None:
    store(connection, received(shop, OLD_DAYS))

    with connect(database_url, "tests") as other:
        other.execute(b"SELECT pg_advisory_lock_shared(7246025)")
        assert close() == []
    assert len(close()) == 1
