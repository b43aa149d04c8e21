"""Tests that a backup brings everything back, on both stores."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from console.apps.apps import App, create_app
from console.audit_chain import verify_chain
from console.backup.archive import ArchiveReader, Manifest
from console.backup.load import Restored, restore
from console.backup.save import save
from console.backup.tables import LEFT_OUT, find_tables
from console.resources import Resources
from shared.database import Connection, connect
from shared.errors import OperatorError
from shared.inbox import measure
from shared.migrate import migrate, migrations
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.backup.restored import NAME, opened_target
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench, opened
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES


@pytest.fixture
def target(database_url: str) -> Iterator[Connection]:
    yield from opened_target(database_url)


@pytest.fixture
def bench(connection: Connection, redis: Redis, database_url: str) -> Iterator[Bench]:
    with opened(connection, redis, database_url) as bench:
        yield bench


@pytest.fixture
def shop(resources: Resources) -> App:
    return create_app(resources, ADMIN, "Shop", "abc123def456")


@pytest.fixture
def used(bench: Bench, shop: App) -> Bench:
    """Runs an installation with ninety events in its tables and ten in its inbox."""
    events = [fresh(app_id=shop.id, user_id=f"user {number % 30}") for number in range(90)]
    bench.send(events[:50], events[50:])
    bench.drain()
    bench.send([fresh(app_id=shop.id, user_id="waiting") for _ in range(10)])
    return bench


def _saved(bench: Bench, database_url: str) -> tuple[bytes, Manifest]:
    stream = io.BytesIO()
    now = datetime.now(UTC).isoformat()
    with connect(database_url, "tests") as reader:
        resources = Resources(bench.connection, bench.redis, SECRET_KEY)
        manifest = save(resources, reader, stream, now, lambda _done, _total: None)
    return stream.getvalue(), manifest


def _restore(content: bytes, target: Connection, redis: Redis, key: bytes = SECRET_KEY) -> Restored:
    redis.flushall()
    reader = ArchiveReader(io.BytesIO(content), "backup.tar")
    return restore(Resources(target, redis, key), reader, lambda _done, _total: None)


def _contents(connection: Connection) -> dict[str, list[Any]]:
    tables = {table.name for table in find_tables(connection)} - {"stale_periods"}
    return {
        name: connection.execute(
            f"SELECT each::text FROM {name} AS each ORDER BY 1".encode()
        ).fetchall()
        for name in sorted(tables)
    }


def test_everything_is_as_it_was_and_what_waited_waits_again(
    used: Bench, database_url: str, target: Connection
) -> None:
    before = _contents(used.connection)
    content, manifest = _saved(used, database_url)

    restored = _restore(content, target, used.redis)

    assert _contents(target) == before
    assert verify_chain(target).fault is None
    assert before["audit_log"]
    assert before["events"]
    assert before["attributions"]
    assert restored.inbox_events == manifest.inbox_events == 10
    assert measure(used.redis).events == 10


def test_a_backup_of_what_was_restored_has_the_same_digests(
    used: Bench, database_url: str, target: Connection
) -> None:
    content, manifest = _saved(used, database_url)
    _restore(content, target, used.redis)
    again = Bench(target, used.redis, used.lanes)

    _, of_restored = _saved(again, database_url.replace("/waybill?", f"/{NAME}?"))

    assert of_restored.tables == manifest.tables
    assert of_restored.inbox_events == manifest.inbox_events


def test_new_rows_get_numbers_that_no_restored_row_has(
    used: Bench, database_url: str, target: Connection, shop: App
) -> None:
    content, _ = _saved(used, database_url)
    _restore(content, target, used.redis)

    other = create_app(Resources(target, used.redis, SECRET_KEY), ADMIN, "Other", "xyz")

    assert other.id > shop.id


def test_an_ingest_process_that_went_on_running_sees_a_newer_version(
    used: Bench, database_url: str, target: Connection
) -> None:
    version = used.redis.get(NAMES.snapshot_version)
    assert isinstance(version, bytes)
    content, _ = _saved(used, database_url)

    _restore(content, target, used.redis)

    restored = used.redis.get(NAMES.snapshot_version)
    assert isinstance(restored, bytes)
    assert int(restored) > int(version) + 100_000
    assert used.redis.exists(NAMES.snapshot)


def test_events_that_are_recorded_and_also_wait_are_stored_once(
    used: Bench, database_url: str, target: Connection
) -> None:
    """An event that is recorded while a backup is written is in it twice."""
    content, _ = _saved(used, database_url)
    used.drain()
    _, full = _saved(used, database_url)
    _restore(content, target, used.redis)
    with opened(target, used.redis, database_url.replace("/waybill?", f"/{NAME}?")) as there:
        there.drain()
        twice = [fresh(app_id=1, user_id="waiting")]
        there.send(twice)
        there.drain()
        there.send(twice)
        there.drain()

    assert full.tables["events"].rows == 100
    assert target.execute("SELECT count(*) FROM events").fetchone() == (101,)


def test_the_days_of_the_events_have_their_partitions(
    used: Bench, database_url: str, target: Connection
) -> None:
    content, _ = _saved(used, database_url)
    _restore(content, target, used.redis)

    assert target.execute("SELECT count(*) FROM events_default").fetchone() == (0,)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_backup_of_an_older_schema_is_brought_to_this_version(
    steps: int, used: Bench, database_url: str, target: Connection
) -> None:
    older = [each for each in migrations() if not each.is_after][:-steps]
    url = database_url.replace("/waybill?", f"/{NAME}?")
    migrate(target, finish=True, available=older)
    target.execute("INSERT INTO apps (name, app_token) VALUES ('Old', 'old')")
    content, _ = _saved(Bench(target, used.redis, used.lanes), url)
    target.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    restored = _restore(content, target, used.redis)

    assert set(restored.migrations) == {each.name for each in migrations()} - {
        each.name for each in older
    }
    assert target.execute("SELECT name, app_token FROM apps").fetchall() == [("Old", "old")]


def test_a_damaged_backup_changes_nothing(
    used: Bench, database_url: str, target: Connection
) -> None:
    content, _ = _saved(used, database_url)
    place = content.index(b"tables/users/000001") + 1024
    damaged = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

    for bad in (damaged, content[: len(content) // 2]):
        with pytest.raises(OperatorError, match=r"backup\.tar cannot be restored"):
            _restore(bad, target, used.redis)
        assert not any(_contents(target).values())
        assert measure(used.redis).events == 0
    _restore(content, target, used.redis)
    assert _contents(target)["users"]


def test_nothing_is_restored_over_rows_that_are_there(
    used: Bench, database_url: str, target: Connection
) -> None:
    content, _ = _saved(used, database_url)
    _restore(content, target, used.redis)

    with pytest.raises(OperatorError, match="not empty"):
        _restore(content, target, used.redis)


def test_a_backup_is_restored_with_its_own_key_alone(
    used: Bench, database_url: str, target: Connection
) -> None:
    content, _ = _saved(used, database_url)

    with pytest.raises(OperatorError, match="another installation key"):
        _restore(content, target, used.redis, b"another key, long enough to be one")


def test_nothing_is_restored_beside_running_programs(
    used: Bench, database_url: str, target: Connection
) -> None:
    content, _ = _saved(used, database_url)
    url = database_url.replace("/waybill?", f"/{NAME}?")

    with connect(url, "worker"), pytest.raises(OperatorError, match="Stop all of them"):
        _restore(content, target, used.redis)


def test_a_backup_signs_nobody_in(used: Bench, database_url: str) -> None:
    _, manifest = _saved(used, database_url)

    assert not set(LEFT_OUT) & set(manifest.tables)
    assert {"people", "audit_log", "tokens"} <= set(manifest.tables)


@pytest.mark.parametrize(
    ("referenced", "table"),
    [("apps", "links"), ("partners", "links"), ("callbacks", "callback_attempts")],
)
def test_a_table_comes_after_those_that_it_refers_to(
    referenced: str, table: str, connection: Connection
) -> None:
    names = [each.name for each in find_tables(connection)]

    assert names.index(referenced) < names.index(table)
