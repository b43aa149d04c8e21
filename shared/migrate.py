"""Migrates a database to the schema of this version, while programs of the previous one still run.

Migrations are SQL files, each applied once, in the order of their names. `NNNN_name.sql` is applied
before the rolling upgrade, and must suit the programs of the previous version as well;
`NNNN_name.after.sql` when none of them runs any more. Each is a transaction of its own, except
those whose first line is `-- concurrently`: they are applied statement by statement, for what
PostgreSQL does only outside of a transaction.

A statement that waits for a lock makes all others wait behind it. So a migration waits for a second
at most, lets the others pass, and tries again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files

from shared.database import Connection, DatabaseError, run, sqlstate, transaction
from shared.errors import OperatorError
from shared.shards.advisory_locks import AdvisoryLock, lock_session, unlock_session

LOCK_WAIT_MS_MAX = 1_000
_PAUSE_SECONDS = 1.0
_TRIES_MAX = 120
_LOCK_NOT_AVAILABLE = "55P03"
_AFTER = ".after"
_CONCURRENTLY = "-- concurrently\n"


@dataclass(frozen=True)
class Migration:
    """A migration, named after its file without the extension."""

    name: str
    sql: str

    @property
    def is_after(self) -> bool:
        """Tells whether it must wait until no program of the previous version runs."""
        return self.name.endswith(_AFTER)

    @property
    def is_concurrent(self) -> bool:
        """Tells whether it is applied statement by statement, outside of a transaction."""
        return self.sql.startswith(_CONCURRENTLY)

    def statements(self) -> list[str]:
        """Returns its statements, each of which is a transaction of its own."""
        if not self.is_concurrent:
            return [self.sql]
        return [statement for statement in self.sql.split(";\n") if statement.strip()]


@dataclass(frozen=True)
class Migrated:
    """The migrations that were `applied` now, and those that wait for the end of the upgrade."""

    applied: list[str]
    waiting: list[str]


def migrate(
    connection: Connection, *, finish: bool = False, available: Sequence[Migration] | None = None
) -> Migrated:
    """Applies missing migrations; with `finish`, also those that wait for the end of the upgrade.

    Raises OperatorError if the previous upgrade was not finished, or a lock cannot be acquired.
    """
    available = available or migrations()
    with _exclusively(connection):
        earlier = _applied_before(connection)
        missing = [migration for migration in available if migration.name not in earlier]
        if earlier and not finish:
            _require_finished(missing)
            missing = [migration for migration in missing if not migration.is_after]
        for migration in missing:
            statements = migration.statements()
            if migration.is_concurrent:
                for statement in statements:
                    _retry_locked(partial(_execute, connection, [statement]))
                statements = []
            _retry_locked(partial(_record, connection, migration, statements))
        applied = [migration.name for migration in missing]
        names = [migration.name for migration in available]
        return Migrated(applied, [name for name in names if name not in {*earlier, *applied}])


def migrations() -> list[Migration]:
    """Reads the migrations of this version, in order."""
    folder = files("shared").joinpath("migrations")
    return sorted(
        (
            Migration(file.name.removesuffix(".sql"), file.read_text())
            for file in folder.iterdir()
            if file.name.endswith(".sql")
        ),
        key=lambda migration: migration.name,
    )


@contextmanager
def _exclusively(connection: Connection) -> Iterator[None]:
    """Lets one program migrate at a time; the others wait, however long it takes."""
    run(connection, "SET lock_timeout = 0")
    run(connection, "SET statement_timeout = 0")
    lock_session(connection, AdvisoryLock.MIGRATE)
    run(connection, f"SET lock_timeout = {LOCK_WAIT_MS_MAX}")
    try:
        yield
    finally:
        unlock_session(connection, AdvisoryLock.MIGRATE)
        run(connection, "RESET lock_timeout")
        run(connection, "RESET statement_timeout")


def _require_finished(missing: Sequence[Migration]) -> None:
    """Refuses a migration that may build on one that waits for the end of an earlier upgrade.

    One that comes behind a missing migration waits for the end of this upgrade.
    """
    before = [migration.name for migration in missing if not migration.is_after]
    if not before:
        return
    after = [each.name for each in missing if each.is_after and each.name < before[0]]
    if after:
        raise OperatorError(
            f"The last upgrade is not finished: {after[0]} was not applied. When no program of the "
            "previous version runs any more, finish it with `waybill migrate --finish`."
        )


def _record(connection: Connection, migration: Migration, statements: Sequence[str]) -> None:
    """Executes statements of a migration and records that it is applied, in one transaction."""
    with transaction(connection):
        _execute(connection, statements)
        run(connection, "INSERT INTO schema_migrations (name) VALUES (%s)", (migration.name,))


def _execute(connection: Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        run(connection, statement)


def _retry_locked(step: Callable[[], None]) -> None:
    """Repeats a step until it acquires every lock; raises OperatorError after some minutes."""
    for _ in range(_TRIES_MAX):
        try:
            step()
        except DatabaseError as error:
            if sqlstate(error) != _LOCK_NOT_AVAILABLE:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    raise OperatorError(
        "A table is in constant use, so it cannot be changed without making others wait. "
        "End long statements (pg_stat_activity shows them), then try again."
    )


def _applied_before(connection: Connection) -> set[str]:
    row = run(connection, "SELECT to_regclass('schema_migrations')").fetchone()
    if row is None or row[0] is None:
        return set()
    return {name for (name,) in run(connection, "SELECT name FROM schema_migrations")}
