r"""Bulk-inserts new rows with COPY, at a third of the cost of INSERT.

COPY has no ON CONFLICT, and a batch that is delivered again meets its own rows. Then the same lines
are copied into a temporary table of the transaction, and the rows that are missing are inserted
from there. A line is in COPY's text format, as PostgreSQL's manual defines it: fields between tabs,
`\N` for NULL.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from shared.database import Connection, DatabaseError, copy_in, is_duplicate, run, transaction

NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


@dataclass(frozen=True, slots=True)
class Target:
    """A table, and the columns that a line fills, in the order of its fields."""

    table: str
    columns: tuple[str, ...]

    def copy(self, into: str) -> str:
        """Returns the COPY statement of these columns into a table."""
        return f"COPY {into} ({', '.join(self.columns)}) FROM STDIN"


def copy_new(connection: Connection, target: Target, lines: Sequence[str]) -> None:
    """Copies rows that cannot exist yet. Raises DatabaseError if one does."""
    if lines:
        copy_in(connection, target.copy(target.table), "".join(lines).encode())


def copy_unless_there(connection: Connection, target: Target, lines: Sequence[str]) -> bool:
    """Copies rows, or none of them and returns False if one of them exists."""
    if not lines:
        return True
    try:
        with transaction(connection):
            copy_new(connection, target, lines)
    except DatabaseError as error:
        if not is_duplicate(error):
            raise
        return False
    return True


def copy_missing(connection: Connection, target: Target, key: str, lines: Sequence[str]) -> bool:
    """Copies rows unless they exist, and tells whether all were new; existing rows stay.

    `lines` are in the order of `key`, so that two workers with the same rows wait for one another
    instead of deadlocking.
    """
    if not copy_unless_there(connection, target, lines):
        table, again = target.table, f"{target.table}_again"
        create = f"CREATE TEMPORARY TABLE {again} (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DROP"
        insert = f"INSERT INTO {table} SELECT * FROM {again} ORDER BY {key} ON CONFLICT DO NOTHING"
        run(connection, create)
        copy_in(connection, target.copy(again), "".join(lines).encode())
        run(connection, insert)
        run(connection, f"DROP TABLE {again}")
        return False
    return True


def line(*fields: str) -> str:
    """Joins the fields of a row, each written by a function below."""
    return "\t".join(fields) + "\n"


def text(value: str | None) -> str:
    """Writes a text, or NULL."""
    if value is None:
        return NULL
    # Checked first: translating a user agent takes 2.4 us, finding that it needs none 0.08 us.
    if "\\" in value or "\t" in value or "\n" in value or "\r" in value:
        return value.translate(_ESCAPES)
    return value


def number(value: int | None) -> str:
    """Writes an integer, or NULL."""
    return NULL if value is None else str(value)


def flag(value: bool) -> str:
    """Writes a boolean."""
    return "t" if value else "f"


def texts(values: Iterable[str]) -> str:
    """Writes an array of text, each element quoted: it may look like NULL, or hold a comma."""
    quoted = [value.replace("\\", r"\\").replace('"', r"\"") for value in values]
    return text('{"' + '","'.join(quoted) + '"}') if quoted else "{}"


def document(value: object) -> str:
    """Writes JSON, in which only the backslash is left to be escaped."""
    return msgspec.json.encode(value).decode().replace("\\", r"\\")


def moment(time_ms: int) -> str:
    """Writes a timestamp from Unix milliseconds."""
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_format_second(seconds)}.{milliseconds:03d}+00"


@lru_cache(maxsize=4096)
def _format_second(seconds: int) -> str:
    """Formats a second; cached, because the events of a batch share few of them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
