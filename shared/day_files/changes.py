"""Moves events of closed days into files and back, and changes events in files."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

from shared.database import Connection, run, transaction
from shared.day_files.catalog import (
    DayFile,
    delete_file,
    lock_file,
    receipt_bounds,
    replace_file,
)
from shared.day_files.front_table import CREATE, DROP, HIDE, load, show, unprepared, write
from shared.partitions import make_days

FILE_EVENTS_MAX = 100_000  # a file is written within seconds, during which nobody else changes it

_TAKE = """
WITH gone AS (
    DELETE FROM events WHERE receipt >= %(first)s AND receipt < %(end)s AND receipt IN (
        SELECT receipt FROM events
        WHERE receipt >= %(first)s AND receipt < %(end)s AND app_id = %(app)s
        ORDER BY receipt LIMIT %(rows_max)s
    )
    RETURNING *
)
INSERT INTO events_shown SELECT * FROM gone
"""
_GIVE_BACK = "INSERT INTO events SELECT * FROM events_shown ON CONFLICT DO NOTHING"


def change_rows(connection: Connection, file: DayFile, change: Callable[[], int]) -> int:
    """Changes the events of a file by statements about `events`, and returns what `change` does.

    In them `events` is the file alone. If the result is not 0, the file is written again, in the
    open transaction. Raises DayFilesUnreadable.
    """
    with transaction(connection), unprepared(connection):
        current = lock_file(connection, file.id)
        if current is None:
            return 0
        run(connection, CREATE)
        load(connection, [current])
        show(connection)
        count = change()
        run(connection, HIDE)
        if count:
            write(connection, current._replace(version=current.version + 1))
            replace_file(connection, current)
        run(connection, DROP)
    return count


def move_to_file(
    connection: Connection, file_id: UUID, app_id: int, day: date, folder: Path
) -> DayFile | None:
    """Moves events of an app and a day from the table to a file, as many as one holds.

    They are gone when the transaction is committed, and the file is on the disk before. Returns
    None if there are none.
    """
    first, end = receipt_bounds(day)
    arguments = {"first": first, "end": end, "app": app_id, "rows_max": FILE_EVENTS_MAX}
    with transaction(connection):
        run(connection, CREATE)
        file = None
        if run(connection, _TAKE, arguments).rowcount:
            file = write(connection, _empty_file(file_id, app_id, day, folder))
        run(connection, DROP)
    return file


def move_to_table(connection: Connection, file: DayFile) -> int:
    """Moves the events of a file back to the table, and returns their number."""
    make_days(connection, [file.day])
    with transaction(connection):
        current = lock_file(connection, file.id)
        if current is None:
            return 0
        run(connection, CREATE)
        load(connection, [current])
        count = run(connection, _GIVE_BACK).rowcount
        delete_file(connection, current)
        run(connection, DROP)
    return count


def _empty_file(file_id: UUID, app_id: int, day: date, folder: Path) -> DayFile:
    midnight = datetime.min.replace(tzinfo=UTC)
    return DayFile(
        *(file_id, app_id, day, str(folder), 1, 0, 0, b"", b"", file_id, file_id),
        *(midnight, midnight, 0, 0),
    )
