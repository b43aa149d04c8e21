"""Names the programs that have credentials of their own.

The owner of the tables is none of them: it migrates, makes backups and restores, rotates the key,
and creates the users and roles of the others.
"""

from enum import StrEnum


class Grantee(StrEnum):
    """A program that has a user in Redis and, but for ingest, a role in PostgreSQL."""

    INGEST = "ingest"
    WORKERS = "workers"
    CONSOLE = "console"
    METRICS = "metrics"


# Those that open PostgreSQL. Ingest is not told where it is.
DATABASE_GRANTEES = (Grantee.WORKERS, Grantee.CONSOLE, Grantee.METRICS)
