"""Finds the tables that belong to a backup, in an order in which they can be restored.

They are read from the catalog, so that a table that a migration adds is part of the next backup.
"""

from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter

from shared.database import Connection, run
from shared.partitions import DAY_PARTITION

# Restored by migrations, of this installation's servers, or gone on purpose: a restored backup must
# not sign anybody in, nor import a file a second time, nor delete day files that are of another.
LEFT_OUT = (
    *(
        "schema_migrations",
        "program_logins",
        "console_sessions",
        "one_time_links",
        "sign_in_attempts",
    ),
    *("access_requests", "pending_sign_ins", "uploads", "upload_pieces"),
    *("replaced_day_files", "day_file_folders"),
)

_TABLES = """
SELECT
    tables.relname,
    ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = tables.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
        ORDER BY attnum
    ),
    ARRAY(
        SELECT parts.relname::text FROM pg_partition_tree(tables.oid) AS tree
        JOIN pg_class AS parts ON parts.oid = tree.relid
        WHERE tree.isleaf ORDER BY parts.relname
    ),
    ARRAY(
        SELECT DISTINCT others.relname::text FROM pg_constraint
        JOIN pg_class AS others ON others.oid = confrelid
        WHERE conrelid = tables.oid AND contype = 'f' AND confrelid <> tables.oid
    )
FROM pg_class AS tables
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
  AND NOT relispartition
ORDER BY tables.relname
"""

_DAYS = """
SELECT parts.relname FROM pg_partition_tree('events') AS tree
JOIN pg_class AS parts ON parts.oid = tree.relid WHERE tree.isleaf ORDER BY parts.relname
"""

_SEQUENCES = """
SELECT sequencename, last_value FROM pg_sequences
WHERE schemaname = current_schema() AND last_value IS NOT NULL ORDER BY sequencename
"""


@dataclass(frozen=True)
class SavedTable:
    """A table of a backup. `parts` holds its rows: its partitions, or itself."""

    name: str
    columns: list[str]
    parts: list[str]


def find_tables(connection: Connection) -> list[SavedTable]:
    """Finds the tables of a backup; each comes after those that its rows refer to."""
    found: dict[str, SavedTable] = {}
    order: TopologicalSorter[str] = TopologicalSorter()
    for name, columns, partitions, referenced in run(connection, _TABLES):
        if name not in LEFT_OUT:
            found[name] = SavedTable(name, columns, partitions or [name])
            order.add(name, *referenced)
    return [found[name] for name in order.static_order() if name in found]


def partition_days(connection: Connection) -> list[date]:
    """Returns the days that have a partition of events."""
    matches = (DAY_PARTITION.fullmatch(name) for (name,) in run(connection, _DAYS))
    return [date(*map(int, match.groups())) for match in matches if match]


def read_sequences(connection: Connection) -> dict[str, int]:
    """Returns the last value of every sequence that was used."""
    return dict(run(connection, _SEQUENCES).fetchall())
