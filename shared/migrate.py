"""Brings a database to the schema of this version, while programs of the one before go on working.

Migrations are SQL files, applied once each, in the order of their names. `NNNN_name.sql` is applied
before the roll, and must suit the programs of the version before as well; `NNNN_name.after.sql`
when none of them runs any more. Each is one transaction of its own, except those whose first line
is `-- concurrently`: they are applied statement by statement, for what PostgreSQL does only outside
of a transaction.

Whoever waits for a lock makes all others wait behind it. So a migration waits for a second at most,
lets those others pass, and tries again.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files

from shared.database import Connection, DatabaseError, run, sqlstate, transaction
from shared.errors import OperatorError

LOCK_WAIT_MS_MAX = 1_000
_LOCK = 7_246_002
_PAUSE_SECONDS = 1.0
_TRIES_MAX = 120
_LOCK_NOT_AVAILABLE = "55P03"
_AFTER = ".after"
_CONCURRENTLY = "-- concurrently\n"


@dataclass(frozen=True)
class Migration:
    """`name` is that of its file, without the ending."""

    name: str
    sql: str

    @property
    def is_after(self) -> bool:
        """Whether it waits until no program of the version before runs."""
        return self.name.endswith(_AFTER)

    @property
    def is_concurrent(self) -> bool:
        return self.sql.startswith(_CONCURRENTLY)

    def statements(self) -> list[str]:
        """One transaction each."""
        if not self.is_concurrent:
            return [self.sql]
        return [statement for statement in self.sql.split(";\n") if statement.strip()]


@dataclass(frozen=True)
class Migrated:
    """What was `applied` now, and what waits for the end of the roll."""

    applied: list[str]
    waiting: list[str]


def migrate(
    connection: Connection, *, finish: bool = False, found: Sequence[Migration] | None = None
) -> Migrated:
    """Apply what is missing; with `finish`, what waits for the end of the roll as well.

    Raises OperatorError when the roll before was not finished, or a lock cannot be had.
    """
    found = found or migrations()
    with _alone(connection):
        known = _known(connection)
        missing = [each for each in found if each.name not in known]
        if known and not finish:
            _require_finished(missing)
            missing = [each for each in missing if not each.is_after]
        for migration in missing:
            _apply(connection, migration)
        applied = [each.name for each in missing]
        left = [each.name for each in found if each.name not in {*known, *applied}]
        return Migrated(applied, left)


def migrations() -> list[Migration]:
    """Of this version, in order."""
    folder = files("shared").joinpath("migrations")
    return sorted(
        (
            Migration(file.name.removesuffix(".sql"), file.read_text())
            for file in folder.iterdir()
            if file.name.endswith(".sql")
        ),
        key=lambda each: each.name,
    )


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """One program at a time; the others wait, however long it takes."""
    run(connection, "SET lock_timeout = 0")
    run(connection, "SET statement_timeout = 0")
    run(connection, "SELECT pg_advisory_lock(%s)", (_LOCK,))
    run(connection, f"SET lock_timeout = {LOCK_WAIT_MS_MAX}")
    try:
        yield
    finally:
        run(connection, "SELECT pg_advisory_unlock(%s)", (_LOCK,))
        run(connection, "RESET lock_timeout")
        run(connection, "RESET statement_timeout")


def _require_finished(missing: Sequence[Migration]) -> None:
    """A later step may build on what an earlier one does after its roll."""
    after = [each.name for each in missing if each.is_after]
    if after and any(each.name > after[0] for each in missing if not each.is_after):
        raise OperatorError(
            f"The last upgrade is not finished: {after[0]} waits. When no program of the version "
            "before runs any more, finish it with `waybill migrate --finish`."
        )


def _apply(connection: Connection, migration: Migration) -> None:
    if migration.is_concurrent:
        for statement in migration.statements():
            _with_patience(connection, [statement], in_transaction=False)
        _with_patience(connection, [_noted(migration)], in_transaction=True)
    else:
        _with_patience(connection, [migration.sql, _noted(migration)], in_transaction=True)


def _noted(migration: Migration) -> str:
    return f"INSERT INTO schema_migrations (name) VALUES ('{migration.name}')"  # noqa: S608 - a file's name


def _with_patience(
    connection: Connection, statements: Sequence[str], *, in_transaction: bool
) -> None:
    """Try until every lock could be had; raises OperatorError after some minutes."""
    for _ in range(_TRIES_MAX):
        try:
            if in_transaction:
                with transaction(connection):
                    _execute(connection, statements)
            else:
                _execute(connection, statements)
        except DatabaseError as fault:
            if sqlstate(fault) != _LOCK_NOT_AVAILABLE:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    raise OperatorError(
        "A table is in use without a pause, so that it cannot be changed without making others "
        "wait. End long statements (pg_stat_activity shows them), then try again."
    )


def _execute(connection: Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        # Bytes: the one form in which a whole file of statements may be sent.
        run(connection, statement)


def _known(connection: Connection) -> set[str]:
    row = run(connection, "SELECT to_regclass('schema_migrations')").fetchone()
    if row is None or row[0] is None:
        return set()
    return {name for (name,) in run(connection, "SELECT name FROM schema_migrations")}
