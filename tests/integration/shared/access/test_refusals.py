"""Each program may do what is declared, and is refused everything else.

What has to be refused is made from what the stores have: every table with every privilege, every
command of the server, every key.
"""

from collections.abc import Iterator

import pytest

from shared.access.grantees import DATABASE_GRANTEES, Grantee
from shared.access.key_rights import COMMANDS, key_rights
from shared.access.table_rights import FUNCTION_RIGHTS, SEQUENCE_RIGHTS, TABLE_RIGHTS
from shared.database import Connection, DatabaseError, sqlstate
from shared.redis import Redis, RedisError, is_refused
from tests.support.redis_names import NAMES

KEY_RIGHTS = key_rights(NAMES)
REFUSED = "42501"
STATEMENTS = {
    "r": "SELECT FROM {table} LIMIT 0",
    "a": "INSERT INTO {table} ({column}) SELECT NULL WHERE false",
    "w": "UPDATE {table} SET {column} = NULL WHERE false",
    "d": "DELETE FROM {table} WHERE false",
}
OWNERS = (
    "TRUNCATE {table}",
    "DROP TABLE {table}",
    "ALTER TABLE {table} ADD COLUMN more text",
    "CREATE INDEX more ON {table} ({column})",
    "ALTER TABLE {table} OWNER TO CURRENT_USER",
)
# Of an established connection, which any user may say; PING and the like reach no key.
HARMLESS = {"auth", "hello", "quit", "reset", "ping", "echo", "select", "readonly", "readwrite"}
HARMLESS |= {"wait", "waitaof", "asking", "client", "command"}
_COLUMNS = """
SELECT table_name, min(column_name) FROM information_schema.columns
WHERE table_schema = 'public' AND is_identity = 'NO' AND is_generated = 'NEVER'
GROUP BY table_name
"""


@pytest.fixture
def columns(connection: Connection) -> dict[str, str]:
    """Returns a column of each table that a statement can write to."""
    return dict(connection.execute(_COLUMNS).fetchall())


def refusal(connection: Connection, statement: str) -> str | None:
    """Returns the SQLSTATE of a statement, None if it succeeds; undone either way."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
    except DatabaseError as error:
        return sqlstate(error)
    return None


def test_a_role_may_do_with_each_table_what_is_declared_and_nothing_else(
    as_role: Connection, database_grantee: Grantee, columns: dict[str, str]
) -> None:
    column = DATABASE_GRANTEES.index(database_grantee)
    wrong = [
        (table, right)
        for table, rights in TABLE_RIGHTS.items()
        for right, statement in STATEMENTS.items()
        # A statement that lacks another right than this one says nothing about it.
        if right in "ra" or "r" in rights[column] or right not in rights[column]
        if (refusal(as_role, statement.format(table=table, column=columns[table])) == REFUSED)
        is (right in rights[column])
    ]

    assert wrong == []


def test_a_role_owns_no_table(as_role: Connection, columns: dict[str, str]) -> None:
    allowed = [
        (table, statement)
        for table in TABLE_RIGHTS
        for statement in OWNERS
        if refusal(as_role, statement.format(table=table, column=columns[table])) != REFUSED
    ]

    assert allowed == []


def test_a_role_reaches_no_partition_but_through_its_table(as_role: Connection) -> None:
    partitions = as_role.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass"
    ).fetchall()

    assert len(partitions) > 5
    for (partition,) in partitions:
        assert refusal(as_role, f"SELECT FROM {partition} LIMIT 0") == REFUSED


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.more (id integer)",
        "CREATE SCHEMA more",
        "CREATE ROLE more",
        "ALTER ROLE waybill PASSWORD 'x'",
        "SET ROLE waybill",
        "COPY apps TO PROGRAM 'cat'",
        "COPY apps FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT rolpassword FROM pg_authid",
        "CREATE FUNCTION public.more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_a_role_has_no_power_over_the_server(as_role: Connection, statement: str) -> None:
    assert refusal(as_role, statement) == REFUSED


def test_a_role_uses_the_sequences_and_functions_that_are_declared(
    as_role: Connection, database_grantee: Grantee
) -> None:
    calls = {
        "snapshot_version": "SELECT nextval('snapshot_version')",
        "create_event_partition": "SELECT create_event_partition('2019-01-01')",
        "drop_event_partition": "SELECT drop_event_partition(current_date)",
        "chain_new_audit_entry": "SELECT chain_new_audit_entry()",
        "chain_audit_entry": "SELECT chain_audit_entry(1)",
        "audit_field": "SELECT audit_field('a')",
    }
    holders = {**SEQUENCE_RIGHTS, **FUNCTION_RIGHTS}

    assert set(calls) == set(holders)
    for name, statement in calls.items():
        expected = None if database_grantee in holders[name] else REFUSED
        assert refusal(as_role, statement) == expected, name


def test_workers_cannot_have_the_owner_touch_a_table_of_their_own(
    as_role: Connection, database_grantee: Grantee
) -> None:
    """A temporary table of this name would come first, where a function did not say otherwise."""
    if database_grantee is Grantee.WORKERS:
        with as_role.transaction(force_rollback=True):
            as_role.execute("CREATE TEMPORARY TABLE events (receipt uuid)")
            as_role.execute("CREATE TEMPORARY TABLE events_default (receipt uuid)")
            as_role.execute("SELECT create_event_partition('2019-01-01')")
            found = as_role.execute(
                "SELECT inhparent::regclass::text FROM pg_inherits "
                "WHERE inhrelid = 'public.events_20190101'::regclass"
            ).fetchall()
            assert found == [("public.events",)]


def commands(redis: Redis) -> Iterator[tuple[str, list[str]]]:
    """Yields each command of the server, or its subcommands, with as many words as it needs."""
    for name, command in redis.command().items():
        forms = [(name, command["arity"])]
        if command["subcommands"]:
            forms = [(each[0].decode(), each[1]) for each in command["subcommands"]]
        for full_name, arity in forms:
            words = full_name.split("|")
            yield full_name, words + ["1"] * (abs(arity) - len(words))


def test_a_user_is_refused_every_command_that_is_not_declared(
    as_user: Redis, redis: Redis, redis_grantee: Grantee
) -> None:
    allowed = {*COMMANDS[redis_grantee], *HARMLESS}
    others = {
        name: words
        for name, words in commands(redis)
        if allowed.isdisjoint({name, name.partition("|")[0]})
    }

    assert len(others) > 150
    assert [name for name, words in others.items() if not is_refused_command(as_user, words)] == []


@pytest.mark.parametrize("name", ["client|kill", "client|pause", "client|no-evict"])
def test_a_user_does_nothing_to_the_connections_of_others(as_user: Redis, name: str) -> None:
    assert is_refused_command(as_user, [*name.split("|"), "on"])


def is_refused_command(redis: Redis, words: list[str]) -> bool:
    """Tells whether a command is refused, whatever its keys."""
    connection = redis.connection_pool.get_connection()
    try:
        connection.send_command(*words)  # type: ignore[no-untyped-call]
        connection.read_response()
    except RedisError as error:
        # DEBUG is refused to everybody, before a user is looked at.
        return "permissions to run" in str(error) or "not allowed" in str(error)
    finally:
        redis.connection_pool.release(connection)
    return False


def test_a_user_reads_and_writes_the_keys_that_are_declared_and_no_others(
    as_user: Redis, redis_grantee: Grantee
) -> None:
    column = list(Grantee).index(redis_grantee)
    rights: dict[str, str] = {}
    for pattern, of_programs in KEY_RIGHTS.items():
        key = pattern.replace("*", "17")
        rights[key] = rights.get(key, "") + of_programs[column]
        if redis_grantee is not Grantee.INGEST and key.startswith("rq:"):
            rights[key] += KEY_RIGHTS["rq:*"][column]
    rights |= {"waybill:": "", "waybill:inbox2": "", "other": "", "rq": ""}

    wrong = [
        (key, right)
        for key, granted in rights.items()
        for right, command in (("R", ["GET", key]), ("W", ["SET", key, "1"]))
        if is_refused_key(as_user, command) is (right in granted)
    ]

    assert wrong == []


def is_refused_key(redis: Redis, words: list[str]) -> bool:
    try:
        redis.execute_command(*words)  # type: ignore[no-untyped-call]
    except RedisError as error:
        return is_refused(error)
    return False


def test_only_workers_hear_of_rqs_commands(as_user: Redis, redis_grantee: Grantee) -> None:
    refused = is_refused_key(as_user, ["PUBLISH", "rq:pubsub:1", "{}"])

    assert refused is (redis_grantee is not Grantee.WORKERS)
    assert is_refused_key(as_user, ["PUBLISH", "other", "{}"])


def test_an_entry_of_the_audit_log_is_chained_though_its_writer_may_not_change_it(
    as_role: Connection, connection: Connection, database_grantee: Grantee
) -> None:
    insert = "INSERT INTO audit_log (actor, action, subject) VALUES ('x', 'x', 'x')"
    if database_grantee is Grantee.METRICS:
        assert refusal(as_role, insert) == REFUSED
    else:
        as_role.execute(insert.encode())
        assert connection.execute("SELECT digest IS NULL FROM audit_log").fetchall() == [(False,)]
        assert refusal(as_role, "UPDATE audit_log SET actor = 'y'") == REFUSED
