"""Days long past, for which tests of imports have partitions made, and remove them again."""

from shared.database import Connection

OLD_MS = 1_262_304_000_000  # 2010-01-01


def drop_old_days(connection: Connection) -> None:
    for (name,) in connection.execute(
        "SELECT relname FROM pg_class WHERE relname LIKE 'events_2010%' AND relkind = 'r'"
    ).fetchall():
        connection.execute(f"DROP TABLE {name}".encode())
