"""Two shards of one database, each in a schema of its own, have nothing to do with one another."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from shared.database import Connection, connect, transaction
from shared.migrate import migrate
from shared.shards.advisory_locks import (
    AdvisoryLock,
    lock,
    lock_session,
    try_lock,
    try_lock_app,
    try_lock_session,
    try_share,
    unlock_session,
)

SCHEMAS = ("shard_1", "shard_2")
_TABLES = """
SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = %s AND relkind IN ('r', 'p')
"""
_WITHOUT_IDENTITY = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
  AND relreplident <> 'f'
  AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)
"""


@pytest.fixture
def two_schemas(database_url: str) -> Iterator[list[Connection]]:
    """Yields a connection to each of two schemas of one database, both with all tables."""
    name = "two_schemas"
    with connect(database_url, "tests") as admin, ExitStack() as stack:
        admin.execute(f"CREATE DATABASE {name}".encode())
        stack.callback(lambda: admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode()))
        url = database_url.replace("/waybill?", f"/{name}?")
        connections = [stack.enter_context(connect(url, "tests")) for _ in SCHEMAS]
        for connection, schema in zip(connections, SCHEMAS, strict=True):
            connection.execute(f"CREATE SCHEMA {schema}".encode())
            connection.execute(f"SET search_path = {schema}".encode())
            migrate(connection, finish=True)
        yield connections


def test_each_schema_has_all_tables_and_public_has_none(two_schemas: list[Connection]) -> None:
    (first, _) = two_schemas
    counts = {
        schema: first.execute(_TABLES, (schema,)).fetchall()[0][0]
        for schema in (*SCHEMAS, "public")
    }

    assert counts["shard_1"] == counts["shard_2"] > 70
    assert counts["public"] == 0


def test_a_lock_of_one_shard_is_no_lock_of_another(two_schemas: list[Connection]) -> None:
    first, second = two_schemas
    with transaction(first), transaction(second):
        for name in AdvisoryLock:
            lock(first, name)
            assert try_lock(second, name)
        assert try_lock_app(first, AdvisoryLock.ROLL_UP, 7)
        assert try_lock_app(second, AdvisoryLock.ROLL_UP, 7)


def test_a_lock_is_one_within_a_shard(connection: Connection, database_url: str) -> None:
    name = AdvisoryLock.ROLL_UP
    with connect(database_url, "tests") as other:
        with transaction(connection), transaction(other):
            assert try_lock_app(connection, name, 7)
            assert not try_lock_app(other, name, 7)
            assert try_lock_app(other, name, 8)
            assert try_share(connection, name)
            assert try_share(other, name)
            assert not try_lock(other, name)
        lock_session(connection, name)
        assert not try_lock_session(other, name)
        unlock_session(connection, name)
        assert try_lock_session(other, name)
        unlock_session(other, name)


def test_in_public_a_lock_is_that_of_programs_from_before_there_were_shards(
    connection: Connection, database_url: str, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--schema"):
        pytest.skip("of public alone")
    with connect(database_url, "tests") as other, transaction(connection), transaction(other):
        for name in AdvisoryLock:
            lock(connection, name)
            try_lock_app(connection, name, 7)
            for held in ("(%s)", "(%s, hashint8(7))"):
                asked = f"SELECT pg_try_advisory_xact_lock{held}".encode()
                assert other.execute(asked, (name.value,)).fetchone() == (False,)


def test_every_table_says_how_a_changed_row_is_known_elsewhere(connection: Connection) -> None:
    """Without it, rows of a table cannot be changed or deleted while it moves to another node."""
    assert connection.execute(_WITHOUT_IDENTITY).fetchall() == []
