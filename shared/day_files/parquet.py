"""Writes and reads Parquet files by DuckDB. The only module that imports it.

It comes with the extra `archive`: without it, day files are neither written nor read.
"""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from shared.day_files.columns import CSV_COLUMNS, DAY_COLUMNS, VALUES
from shared.day_files.faults import DayFilesUnreadable, unreadable_if_faulty

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CONFIG: dict[str, Any] = {
    "threads": 1,  # several programs share a machine
    "memory_limit": "1GB",
    # Nothing is fetched from anywhere: the wheel has what Parquet needs.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_PIECE_BYTES = 1 << 20
_ROW_GROUP_ROWS = 20_480  # one is read as a whole: a page of an export or the event of a receipt
_CSV = f"""
read_csv(
    $csv, columns = {{{CSV_COLUMNS}}}, auto_detect = false, header = false, delim = ',',
    quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, parallel = false,
    new_line = '\\n', max_line_size = 67108864, strict_mode = true
)
"""
_AS_CSV = """(
    FORMAT csv, HEADER false, DELIMITER ',', QUOTE '"', ESCAPE '"', NULLSTR '', FORCE_QUOTE *
)"""
_WRITE = f"""
COPY (SELECT {VALUES} FROM {_CSV})
TO $parquet (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP_ROWS})
"""
_PRESENT = "SELECT * FROM read_parquet($paths, union_by_name = true) LIMIT 0"
_READ = """
COPY (
    SELECT {texts} FROM read_parquet($paths, union_by_name = true)
    WHERE {condition}
    ORDER BY event_time {order}, receipt {order}
    {limit}
) TO $csv
"""
_RECEIPTS = """
SELECT receipt FROM read_parquet($paths, union_by_name = true)
WHERE receipt BETWEEN $first AND $last AND receipt IN (SELECT unnest($receipts))
"""
_MEASURE = """
SELECT count(*), count(*) FILTER (WHERE unmapped),
       count(*) FILTER (WHERE ip_address IS NOT NULL OR user_agent IS NOT NULL)
FROM read_parquet($paths)
"""
_UNMAPPED = """
SELECT count(*) FROM read_parquet($paths) WHERE unmapped AND event_id = $event_id
"""
_ARGUMENT = re.compile(r"\$(\w+)")

ALL = "true"


class _Result(NamedTuple):
    """The columns and rows that a statement gave."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def is_installed() -> bool:
    """Tells whether DuckDB is there."""
    return find_spec("duckdb") is not None


def require_installed() -> None:
    """Raises DayFilesUnreadable if DuckDB is missing."""
    if not is_installed():
        raise DayFilesUnreadable(
            "Events of closed days are in Parquet files, which nothing here can read. Install the "
            "extra `archive`: pip install 'waybill[archive]'."
        )


def write_parquet(csv: Path, parquet: Path) -> None:
    """Writes the rows of a CSV file, in their order, as a Parquet file."""
    arguments = {"csv": str(csv), "parquet": str(parquet)}
    _run(_WRITE, arguments)


def read_parquet(
    paths: Sequence[Path],
    csv: Path,
    condition: str = ALL,
    arguments: Mapping[str, object] | None = None,
    *,
    newest_first: bool = False,
    rows_max: int | None = None,
) -> None:
    """Writes the rows of Parquet files that meet a condition as a CSV file, by event time.

    `condition` is a constant, in which `$name` stands for an argument.
    """
    files = {"paths": [str(path) for path in paths]}
    present = frozenset(_run(_PRESENT, files).columns)
    statement = _READ.format(
        texts=", ".join(column.as_read(present) for column in DAY_COLUMNS),
        condition=condition,
        order="DESC" if newest_first else "ASC",
        limit="" if rows_max is None else "LIMIT $rows_max",
    )
    used = set(_ARGUMENT.findall(statement))
    values = {**(arguments or {}), **files, "csv": str(csv), "rows_max": rows_max}
    _run(
        f"{statement} {_AS_CSV}",
        {name: _of_utc(value) for name, value in values.items() if name in used},
    )


def find_receipts(paths: Sequence[Path], receipts: Sequence[UUID]) -> list[UUID]:
    """Returns those of the receipts that Parquet files have."""
    arguments = {
        "paths": [str(path) for path in paths],
        "receipts": list(receipts),
        "first": min(receipts),
        "last": max(receipts),
    }
    return [UUID(str(receipt)) for (receipt,) in _run(_RECEIPTS, arguments).rows]


def count_unmapped(path: Path, event_id: str) -> int:
    """Counts the events of a file that had no event type, by the ID that was sent."""
    [(count,)] = _run(_UNMAPPED, {"paths": [str(path)], "event_id": event_id}).rows
    return int(count)


def measure(path: Path) -> tuple[int, int, int]:
    """Counts the events of a file, those without an event type, and those with an address."""
    [(count, unmapped, addresses)] = _run(_MEASURE, {"paths": [str(path)]}).rows
    return int(count), int(unmapped), int(addresses)


def content_digest(path: Path, csv: Path) -> bytes:
    """Returns the SHA-256 of the rows of a file, written as CSV to `csv`."""
    read_parquet([path], csv)
    return digest_of(csv)


def digest_of(path: Path) -> bytes:
    """Returns the SHA-256 of a file. Raises OSError."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.digest()


def _of_utc(value: object) -> object:
    """Returns a moment as a file has it: of UTC, without saying so."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _run(statement: str, arguments: Mapping[str, object]) -> _Result:
    """Executes a statement with its arguments, beside those of other threads.

    Raises DayFilesUnreadable, also for a file that is not what it should be.
    """
    require_installed()
    import duckdb  # noqa: PLC0415 - as below

    with unreadable_if_faulty(duckdb.Error), _database(os.getpid()).cursor() as cursor:
        cursor.execute(statement, arguments)
        columns = [str(column[0]) for column in cursor.description or ()]
        return _Result(columns, cursor.fetchall())


@cache
def _database(process: int) -> "DuckDBPyConnection":  # noqa: ARG001 - not shared with a fork
    """Opens DuckDB, in memory, once for a process; each caller has a cursor of its own."""
    import duckdb  # noqa: PLC0415 - takes 30 MB, of programs that read no day file too

    return duckdb.connect(":memory:", config=_CONFIG)
