"""Reads files that were uploaded in pieces, and the progress of their import.

The console writes the pieces, each but the last of one size; workers import them. A row of
`uploads` has counts and no data of events, so it outlives the pieces, which are deleted when the
import has ended.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from shared.database import Connection, run
from shared.imports.line_import import BadLine

PIECE_BYTES_MAX = 262_144  # the console holds a request in memory before it knows who sends it
UPLOAD_BYTES_MAX = 256 * 1024 * 1024  # also of what is unpacked; `waybill import` has no limit
UNFINISHED_UPLOADS_MAX = 4  # of an app: together 1 GiB
PIECES_HOURS = 24  # of an upload that is not completed, or whose import failed
ENDED_DAYS = 7

PIECES_KEPT = timedelta(hours=PIECES_HOURS)
ENDED_KEPT = timedelta(days=ENDED_DAYS)

_COLUMNS = """
id, app_id, actor, name, state, size_bytes, pieces, received_bytes, imported_bytes, line_number,
lines, events, clicks, repeats, bad, days, bad_lines, reason, created_at, expires_at
"""
_OF_APP = f"SELECT {_COLUMNS} FROM uploads WHERE app_id = %s AND id = %s"
_LOCKED = f"{_OF_APP} FOR UPDATE"
_LIST = f"SELECT {_COLUMNS} FROM uploads WHERE app_id = %s ORDER BY id DESC LIMIT %s"
_PIECE = "SELECT content FROM upload_pieces WHERE upload_id = %s AND number = %s"
_DELETE_PIECES = "DELETE FROM upload_pieces WHERE upload_id = %s"


class UploadState(StrEnum):
    """The state of an upload: `receiving` pieces, `waiting` for a worker, `running`, or ended."""

    RECEIVING = "receiving"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Upload(msgspec.Struct, frozen=True):
    """An uploaded file and the progress of its import.

    `repeats` are lines whose events were stored before; `bad_lines` are the first of the `bad`
    lines; `days` is the number of partitions created, `reason` why the import failed.
    """

    id: int
    app_id: int
    actor: str
    name: str
    state: UploadState
    size_bytes: int
    pieces: int
    received_bytes: int
    imported_bytes: int
    line_number: int
    lines: int
    events: int
    clicks: int
    repeats: int
    bad: int
    days: int
    bad_lines: list[BadLine]
    reason: str | None
    created_at: datetime
    expires_at: datetime


def find_upload(
    connection: Connection, app_id: int, upload_id: int, *, locked: bool = False
) -> Upload | None:
    """Finds an upload of an app, None if there is none; `locked` until the transaction ends."""
    statement = _LOCKED if locked else _OF_APP
    row = run(connection, statement, (app_id, upload_id)).fetchone()
    return None if row is None else _read_upload(row)


def list_uploads(connection: Connection, app_id: int, count: int) -> list[Upload]:
    """Returns the last uploads of an app, the newest first."""
    return [_read_upload(row) for row in run(connection, _LIST, (app_id, count))]


def _read_upload(row: tuple[Any, ...]) -> Upload:
    return msgspec.convert(dict(zip(Upload.__struct_fields__, row, strict=True)), Upload)


def upload_pieces(connection: Connection, upload_id: int, offset: int = 0) -> Iterator[bytes]:
    """Yields the bytes of an upload from an offset on, with one piece in memory at a time."""
    number, skipped = offset // PIECE_BYTES_MAX + 1, offset % PIECE_BYTES_MAX
    while row := run(connection, _PIECE, (upload_id, number)).fetchone():
        yield bytes(row[0])[skipped:]
        number, skipped = number + 1, 0


def delete_pieces(connection: Connection, upload_id: int) -> None:
    """Deletes the pieces of an upload, and so all data that is in it."""
    run(connection, _DELETE_PIECES, (upload_id,))


def last_piece(size_bytes: int) -> int:
    """Returns the number of the last piece of a file, counted from 1."""
    return -(-size_bytes // PIECE_BYTES_MAX)
