"""Brings a database to the schema of this version.

Migrations are SQL files, applied once each, in the order of their names, all under one lock, so
that several programs may start at once.
"""

from importlib.resources import files

from shared.database import Connection, transaction

_LOCK = 7_246_002


def migrate(connection: Connection) -> list[str]:
    """Apply what is missing; the names of the migrations applied now."""
    applied: list[str] = []
    with transaction(connection):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        known = _known(connection)
        for name, sql in migrations():
            if name not in known:
                # Bytes: the one form in which a whole file of statements may be sent.
                connection.execute(sql.encode())
                connection.execute("INSERT INTO schema_migrations (name) VALUES (%s)", (name,))
                applied.append(name)
    return applied


def migrations() -> list[tuple[str, str]]:
    """Name and SQL of each migration, in order."""
    folder = files("shared").joinpath("migrations")
    return sorted(
        (file.name.removesuffix(".sql"), file.read_text())
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    )


def _known(connection: Connection) -> set[str]:
    row = connection.execute("SELECT to_regclass('schema_migrations')").fetchone()
    if row is None or row[0] is None:
        return set()
    return {name for (name,) in connection.execute("SELECT name FROM schema_migrations")}
