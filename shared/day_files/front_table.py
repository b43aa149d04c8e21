"""Puts a temporary table in front of `events`, and copies rows between it and day files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from shared.database import Connection, run
from shared.day_files import parquet
from shared.day_files.catalog import DayFile, save_file
from shared.day_files.claims import require_claimed
from shared.day_files.columns import NAMES, TEXTS
from shared.day_files.faults import DayFilesUnreadable, unreadable_if_faulty
from shared.day_files.folder import put, require_sound

_PIECE_BYTES = 1 << 20

CREATE = "CREATE TEMPORARY TABLE events_shown (LIKE events INCLUDING DEFAULTS) ON COMMIT DROP"
_SHOW = "ALTER TABLE pg_temp.events_shown RENAME TO events"
HIDE = "ALTER TABLE pg_temp.events RENAME TO events_shown"
# Afterwards: to copy rows costs less without indexes.
_INDEXES = (
    "CREATE INDEX ON pg_temp.events_shown (receipt)",
    "CREATE INDEX ON pg_temp.events_shown (app_id, environment, event_time)",
    "ANALYZE pg_temp.events_shown",
)
DROP = "DROP TABLE pg_temp.events_shown"
_FILL = f"COPY events_shown ({NAMES}) FROM STDIN (FORMAT csv)"
_WRITE = f"""
COPY (SELECT {TEXTS} FROM events_shown ORDER BY event_time, receipt)
TO STDOUT (FORMAT csv, FORCE_QUOTE *)
"""
_MEASURE = """
SELECT count(*), min(event_time), max(event_time), count(*) FILTER (WHERE unmapped),
       count(*) FILTER (WHERE ip_address IS NOT NULL OR user_agent IS NOT NULL),
       (SELECT receipt FROM events_shown ORDER BY receipt LIMIT 1),
       (SELECT receipt FROM events_shown ORDER BY receipt DESC LIMIT 1)
FROM events_shown
"""


class WantedRows(NamedTuple):
    """The rows of files that are to stand in front: those that meet `condition`."""

    files: Sequence[DayFile]
    condition: str
    arguments: Mapping[str, object]
    newest_first: bool = False
    rows_max: int | None = None


def show(connection: Connection) -> None:
    """Puts the table that was filled in front of `events`."""
    for statement in _INDEXES:
        run(connection, statement)
    run(connection, _SHOW)


@contextmanager
def unprepared(connection: Connection) -> Iterator[None]:
    """Has statements parsed each time: a prepared one would not notice the table in front."""
    before, connection.prepare_threshold = connection.prepare_threshold, None
    try:
        yield
    finally:
        connection.prepare_threshold = before


def load(
    connection: Connection, files: Sequence[DayFile], wanted: WantedRows | None = None
) -> None:
    """Copies rows of files into the table that is to stand in front.

    Raises DayFilesUnreadable.
    """
    paths = [require_sound(file) for file in files]
    with unreadable_if_faulty(), TemporaryDirectory(prefix="waybill-day-") as place:
        csv = Path(place) / "rows.csv"
        if wanted is None:
            parquet.read_parquet(paths, csv)
        else:
            parquet.read_parquet(
                paths,
                csv,
                wanted.condition,
                wanted.arguments,
                newest_first=wanted.newest_first,
                rows_max=wanted.rows_max,
            )
        with csv.open("rb") as rows, connection.cursor().copy(_FILL.encode()) as copy:
            while piece := rows.read(_PIECE_BYTES):
                copy.write(piece)


def write(connection: Connection, file: DayFile) -> DayFile:
    """Writes the rows of `events_shown` as a file, reads it again, and notes it.

    Raises DayFilesUnreadable, also where a disk is full.
    """
    [(count, first_time, last_time, unmapped, addresses, first, last)] = run(connection, _MEASURE)
    with unreadable_if_faulty(), TemporaryDirectory(prefix="waybill-day-") as place:
        csv, written, again = (Path(place) / name for name in ("a.csv", "a.parquet", "b.csv"))
        content = sha256()
        with csv.open("wb") as rows, connection.cursor().copy(_WRITE.encode()) as copy:
            for piece in copy:
                content.update(piece)
                rows.write(piece)
        parquet.write_parquet(csv, written)
        parquet.read_parquet([written], again)
        if parquet.digest_of(again) != content.digest():
            raise DayFilesUnreadable(
                f"The day file {file.name} does not give back what was written into it. Nothing "
                "was changed: report this with the versions of Waybill and DuckDB."
            )
        file = file._replace(
            event_count=count,
            size_bytes=written.stat().st_size,
            sha256=parquet.digest_of(written),
            content_sha256=content.digest(),
            first_receipt=first,
            last_receipt=last,
            first_time=first_time,
            last_time=last_time,
            unmapped=unmapped,
            addresses=addresses,
        )
        require_claimed(connection, Path(file.folder))
        put(written, file.path)
    save_file(connection, file)
    return file
