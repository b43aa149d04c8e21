"""The schema as it is written, and as the migrations make it."""

import threading
import time
from collections.abc import Iterator
from importlib.resources import files

import pytest

from shared.database import Connection, connect
from shared.errors import OperatorError
from shared.migrate import LOCK_WAIT_MS_MAX, Migrated, Migration, migrate, migrations

# Everything that a program could tell apart: columns, constraints, indexes, partitions, sequences.
_SHAPE = """
SELECT 'column', table_name, column_name || ' ' || data_type || ' ' || is_nullable
       || coalesce(' ' || column_default, '') || coalesce(' ' || numeric_precision::text, '')
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'table', relname, relkind::text || coalesce(pg_get_partkeydef(oid), '')
       || coalesce(pg_get_expr(relpartbound, oid), '') || relreplident::text
FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1, 2, 3
"""


@pytest.fixture
def two_databases(database_url: str) -> Iterator[tuple[Connection, Connection]]:
    names = ("as_written", "as_migrated")
    with connect(database_url, "tests") as admin:
        for name in names:
            admin.execute(f"DROP DATABASE IF EXISTS {name}".encode())
            admin.execute(f"CREATE DATABASE {name}".encode())
        written, migrated = (
            connect(database_url.replace("/waybill?", f"/{name}?"), "tests") for name in names
        )
        with written, migrated:
            yield written, migrated
        for name in names:
            admin.execute(f"DROP DATABASE {name}".encode())


def test_the_migrations_lead_to_the_schema_as_it_is_written(
    two_databases: tuple[Connection, Connection],
) -> None:
    written, migrated = two_databases
    written.execute(files("shared").joinpath("schema.sql").read_bytes())
    migrate(migrated, finish=True)

    assert migrated.execute(_SHAPE).fetchall() == written.execute(_SHAPE).fetchall()


_LED_BY_APP = """
SELECT indrelid::regclass::text, array_agg(indexrelid::regclass::text)
FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
WHERE attname = 'app_id' GROUP BY indrelid HAVING count(*) > 1
"""


def test_what_a_drain_looks_up_has_one_index_at_most_that_leads_with_the_app(
    connection: Connection,
) -> None:
    """Without statistics the planner uses any of them, and reads the whole app to find one row."""
    looked_up = {"clicks", "click_device_ids", "users", "identities", "sightings"}
    found = {table for table, _ in connection.execute(_LED_BY_APP)}

    assert looked_up.isdisjoint(found), found


def test_a_second_migration_changes_nothing(connection: Connection) -> None:
    assert migrate(connection) == Migrated([], [])
    applied = connection.execute("SELECT name FROM schema_migrations ORDER BY name").fetchall()

    assert [name for (name,) in applied] == [each.name for each in migrations()]


def step(name: str, sql: str) -> Migration:
    return Migration(name, sql)


FIRST = step(
    "0001_first", "CREATE TABLE schema_migrations (name text); CREATE TABLE kept (id int);"
)
BEFORE = step("0002_note", "ALTER TABLE kept ADD COLUMN note text;")
AFTER = step("0002_note.after", "ALTER TABLE kept DROP COLUMN id;")
NEXT = step("0003_more", "ALTER TABLE kept ADD COLUMN more text;")


@pytest.fixture
def fresh(two_databases: tuple[Connection, Connection]) -> Connection:
    return two_databases[0]


def columns(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'kept' ORDER BY 1"
    )
    return [name for (name,) in rows]


def test_what_the_version_before_would_miss_waits_for_the_end_of_the_roll(
    fresh: Connection,
) -> None:
    migrate(fresh, available=[FIRST])

    rolled = migrate(fresh, available=[FIRST, BEFORE, AFTER])
    during = columns(fresh)
    finished = migrate(fresh, available=[FIRST, BEFORE, AFTER], finish=True)

    assert rolled == Migrated(["0002_note"], ["0002_note.after"])
    assert during == ["id", "note"]
    assert finished == Migrated(["0002_note.after"], [])
    assert columns(fresh) == ["note"]


def test_a_new_roll_begins_when_the_last_one_is_finished(fresh: Connection) -> None:
    migrate(fresh, available=[FIRST])
    migrate(fresh, available=[FIRST, BEFORE, AFTER])

    with pytest.raises(OperatorError, match=r"0002_note\.after was not applied"):
        migrate(fresh, available=[FIRST, BEFORE, AFTER, NEXT])

    assert migrate(fresh, available=[FIRST, BEFORE, AFTER, NEXT], finish=True).waiting == []
    assert columns(fresh) == ["more", "note"]


def test_an_upgrade_to_a_version_with_several_steps_begins_without_its_end(
    fresh: Connection,
) -> None:
    migrate(fresh, available=[FIRST])

    begun = migrate(fresh, available=[FIRST, BEFORE, AFTER, NEXT])

    assert begun == Migrated(["0002_note", "0003_more"], ["0002_note.after"])
    assert columns(fresh) == ["id", "more", "note"]
    assert migrate(fresh, available=[FIRST, BEFORE, AFTER, NEXT], finish=True).waiting == []
    assert columns(fresh) == ["more", "note"]


@pytest.mark.parametrize("last", ["0036", "0043", "0052", "0057"])
def test_an_upgrade_in_two_parts_leads_to_the_schema_as_it_is_written(
    two_databases: tuple[Connection, Connection], last: str
) -> None:
    written, upgraded = two_databases
    written.execute(files("shared").joinpath("schema.sql").read_bytes())
    earlier = [each for each in migrations() if each.name[: len(last)] <= last]
    migrate(upgraded, available=earlier, finish=True)

    assert all(name.endswith(".after") for name in migrate(upgraded).waiting)
    migrate(upgraded, finish=True)

    assert upgraded.execute(_SHAPE).fetchall() == written.execute(_SHAPE).fetchall()


def test_an_empty_database_gets_everything_at_once(fresh: Connection) -> None:
    assert migrate(fresh, available=[FIRST, BEFORE, AFTER, NEXT]).waiting == []
    assert columns(fresh) == ["more", "note"]


def test_an_index_is_made_while_others_write(fresh: Connection) -> None:
    index = step(
        "0002_index",
        "-- concurrently\nDROP INDEX CONCURRENTLY IF EXISTS kept_id;\n"
        "CREATE INDEX CONCURRENTLY kept_id ON kept (id);\n",
    )

    migrate(fresh, available=[FIRST])
    assert migrate(fresh, available=[FIRST, index]).applied == ["0002_index"]
    assert fresh.execute("SELECT to_regclass('kept_id')").fetchone() == ("kept_id",)


def test_a_migration_that_waits_for_a_table_makes_no_writer_wait_for_long(
    fresh: Connection, database_url: str
) -> None:
    """A report reads the table without end; behind a waiting ALTER every writer would stand."""
    migrate(fresh, available=[FIRST])
    url = database_url.replace("/waybill?", "/as_written?")
    with connect(url, "tests") as reads, connect(url, "tests") as writes:
        reads.execute("BEGIN")
        reads.execute("SELECT count(*) FROM kept")
        arguments = {"available": [FIRST, BEFORE]}
        migration = threading.Thread(target=migrate, args=(fresh,), kwargs=arguments)
        migration.start()
        longest, ends_at = 0.0, time.monotonic() + 3
        while time.monotonic() < ends_at:
            begun = time.monotonic()
            writes.execute("INSERT INTO kept (id) VALUES (1)")
            longest = max(longest, time.monotonic() - begun)
        reads.execute("COMMIT")
        migration.join(30)

    assert not migration.is_alive()
    assert columns(fresh) == ["id", "note"]
    assert 0 < longest < 2 * LOCK_WAIT_MS_MAX / 1000
