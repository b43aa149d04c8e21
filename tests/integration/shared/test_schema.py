"""The schema as it is written, and as the migrations make it."""

from collections.abc import Iterator
from importlib.resources import files

import pytest

from shared.database import Connection, connect
from shared.schema import migrate, migrations

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
       || coalesce(pg_get_expr(relpartbound, oid), '')
FROM pg_class WHERE relnamespace = 'public'::regnamespace
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
    migrate(migrated)

    assert migrated.execute(_SHAPE).fetchall() == written.execute(_SHAPE).fetchall()


_LED_BY_APP = """
SELECT indrelid::regclass::text, array_agg(indexrelid::regclass::text)
FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
WHERE attname = 'app_id' GROUP BY indrelid HAVING count(*) > 1
"""


def test_what_a_drain_looks_up_has_one_index_at_most_that_leads_with_the_app(
    connection: Connection,
) -> None:
    """Without statistics it takes any of them, and reads the whole app to find one row."""
    looked_up = {"clicks", "click_device_ids", "users", "identities", "sightings"}
    found = {table for table, _ in connection.execute(_LED_BY_APP)}

    assert looked_up.isdisjoint(found), found


def test_a_second_migration_changes_nothing(connection: Connection) -> None:
    assert migrate(connection) == []
    applied = connection.execute("SELECT name FROM schema_migrations ORDER BY name").fetchall()

    assert [name for (name,) in applied] == [name for name, _ in migrations()]
