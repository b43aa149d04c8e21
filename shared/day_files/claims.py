"""Tells the folder of this installation's day files from an empty one, and from that of another.

When a folder is first used, a file with an ID is written there, and the ID is kept in the table
`day_file_folders`. Without that file a volume is not mounted; with another ID the folder belongs to
another installation, or the database was restored from a backup, which has no IDs: nothing is
written or deleted there until `waybill days verify --adopt` has compared what both have.
"""

import os
from pathlib import Path
from uuid import UUID

from shared.clock import now_ms
from shared.database import Connection, run, transaction
from shared.day_files.faults import MARKER, DayFilesUnreadable, unreadable_if_faulty
from shared.ids import new_receipt, receipt_time_ms

_ID = "SELECT id FROM day_file_folders WHERE folder = %s"
_CLAIMED = "SELECT folder, id FROM day_file_folders ORDER BY folder"
_IS_NAMED = "SELECT EXISTS (SELECT FROM day_files WHERE folder = %s)"
_SAVE = """
INSERT INTO day_file_folders (folder, id) VALUES (%s, %s)
ON CONFLICT (folder) DO UPDATE SET id = excluded.id
"""
_ADOPT = "`waybill days verify --adopt` takes it over, if it is the right one."


def claim_folder(connection: Connection, folder: Path) -> None:
    """Makes a folder ours if it is used for the first time. Raises DayFilesUnreadable otherwise.

    It may be missing, but not the one that it is in.
    """
    if run(connection, _ID, (str(folder),)).fetchone() is None:
        if run(connection, _IS_NAMED, (str(folder),)).fetchone() == (True,):
            raise DayFilesUnreadable(
                f"The database was restored, and names day files in {folder}.", _ADOPT
            )
        if (folder / MARKER).exists():
            raise DayFilesUnreadable(f"{folder} has day files of another database.", _ADOPT)
        with unreadable_if_faulty():
            folder.mkdir(mode=0o700, exist_ok=True)
        _mark(connection, folder)
    require_claimed(connection, folder)


def require_claimed(connection: Connection, folder: Path) -> None:
    """Raises DayFilesUnreadable unless a folder is there, and is ours."""
    row = run(connection, _ID, (str(folder),)).fetchone()
    if row is None:
        raise DayFilesUnreadable(f"{folder} has not been taken over by this database.", _ADOPT)
    found = _read(folder)
    if found is None:
        raise DayFilesUnreadable(
            f"{folder} has no {MARKER}, which it had when it was first used. Mount its volume.",
            f"If the file was lost: {_ADOPT}",
        )
    if found != str(row[0]):
        raise DayFilesUnreadable(f"{folder} has day files of another database.", _ADOPT)


def claimed_folders(connection: Connection) -> dict[Path, int]:
    """Returns the folders that are there and are ours, each with since when, in Unix ms."""
    rows = run(connection, _CLAIMED).fetchall()
    return {
        Path(folder): receipt_time_ms(id_)
        for folder, id_ in rows
        if _read(Path(folder)) == str(id_)
    }


def adopt_folder(connection: Connection, folder: Path) -> None:
    """Makes a folder ours, whosever it was."""
    _mark(connection, folder)


def _mark(connection: Connection, folder: Path) -> None:
    id_: UUID = new_receipt(now_ms())
    with unreadable_if_faulty(), transaction(connection):
        run(connection, _SAVE, (str(folder), id_))
        part = folder / f"{MARKER}.part"
        with part.open("w") as written:
            written.write(f"{id_}\n")
            written.flush()
            os.fsync(written.fileno())
        part.replace(folder / MARKER)
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(folder: Path) -> str | None:
    try:
        return (folder / MARKER).read_text().strip()
    except OSError:
        return None
