"""The migrations as files; applying them is tested with a real PostgreSQL."""

import re

import pytest

from shared.migrate import Migration, migrations

UNRELEASED_MAX = 10  # of version 0.1.0: nobody runs it yet, so they have no writers to spare

# What makes writers wait for as long as a table is long, or breaks the programs that still run.
FORBIDDEN_BEFORE = {
    r"DROP TABLE": "the version before still reads it: put it into the .after file",
    r"DROP COLUMN": "the version before still names it: put it into the .after file",
    r"RENAME": "the version before knows the old name: add the new one, and drop the old one after",
    r"ALTER COLUMN \w+ (SET DATA )?TYPE": "it writes the whole table anew: add a column",
}
FORBIDDEN = {
    r"SET NOT NULL": "it reads the whole table: add a CHECK NOT VALID, then VALIDATE it after",
    r"VACUUM FULL|CLUSTER|LOCK TABLE": "it keeps everybody out",
}


def faults(migration: Migration) -> list[str]:
    """Why a migration does not suit a table that is written to; its own new tables may do as they
    like."""
    sql = re.sub(r"--.*", "", migration.sql)
    sql = re.sub(r"AS \$body\$.*?\$body\$", "", sql, flags=re.DOTALL)  # runs when it is called
    made = set(re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", sql))
    rules = FORBIDDEN if migration.is_after else FORBIDDEN | FORBIDDEN_BEFORE
    found = [f"{rule}: {why}" for rule, why in rules.items() if re.search(rule, sql, re.IGNORECASE)]
    for constraint, table in re.findall(r"(ALTER TABLE (\w+)[^;]*;)", sql):
        has_check = re.search(r"ADD CONSTRAINT|ADD FOREIGN KEY|ADD CHECK", constraint)
        if table not in made and has_check and "NOT VALID" not in constraint:
            found.append(f"a constraint of {table} without NOT VALID reads all of it")
    indexes = re.findall(r"CREATE (?:UNIQUE )?INDEX (CONCURRENTLY)?.*? ON (\w+)", sql)
    for concurrently, table in indexes:
        if table not in made and not concurrently:
            found.append(f"an index of {table} keeps writers out while it is made: CONCURRENTLY")
    if "CONCURRENTLY" in sql and not migration.is_concurrent:
        found.append("its first line has to be `-- concurrently`")
    return found


def test_migrations_come_in_the_order_of_their_numbers_without_a_gap() -> None:
    steps = {each.name.removesuffix(".after") for each in migrations()}
    numbers = sorted(int(step.partition("_")[0]) for step in steps)

    assert numbers == list(range(1, len(numbers) + 1))


def test_every_migration_has_a_name_and_statements() -> None:
    for each in migrations():
        assert re.fullmatch(r"\d{4}_[a-z_]+(\.after)?", each.name)
        assert ";" in each.sql


@pytest.mark.parametrize("migration", migrations(), ids=lambda each: each.name)
def test_a_migration_suits_writers_and_the_version_before(migration: Migration) -> None:
    number = int(migration.name.partition("_")[0])

    assert number <= UNRELEASED_MAX or faults(migration) == []


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("9_a", "ALTER TABLE events DROP COLUMN user_id;"),
        ("9_a", "ALTER TABLE events RENAME COLUMN user_id TO who;"),
        ("9_a", "ALTER TABLE events ALTER COLUMN user_id SET NOT NULL;"),
        ("9_a", "ALTER TABLE events ADD CONSTRAINT a CHECK (user_id <> '');"),
        ("9_a", "CREATE INDEX a ON clicks (user_id);"),
        ("9_a", "CREATE UNIQUE INDEX a ON clicks (user_id);"),
        ("9_a", "CREATE INDEX CONCURRENTLY a ON clicks (user_id);"),
        ("9_a.after", "ALTER TABLE events ALTER COLUMN user_id SET NOT NULL;"),
    ],
)
def test_what_would_make_writers_wait_or_break_programs_is_found(name: str, sql: str) -> None:
    assert faults(Migration(name, sql))


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("9_a", "ALTER TABLE events ADD COLUMN note text;"),
        ("9_a", "CREATE TABLE notes (id bigint); CREATE INDEX a ON notes (id);"),
        ("9_a", "CREATE TABLE IF NOT EXISTS notes (id bigint); CREATE INDEX a ON notes (id);"),
        ("9_a", "ALTER TABLE events ADD CONSTRAINT a CHECK (user_id <> '') NOT VALID;"),
        ("9_a", "-- concurrently\nCREATE INDEX CONCURRENTLY a ON clicks (user_id);\n"),
        ("9_a.after", "ALTER TABLE events DROP COLUMN note;"),
    ],
)
def test_what_suits_both_is_let_through(name: str, sql: str) -> None:
    assert faults(Migration(name, sql)) == []
