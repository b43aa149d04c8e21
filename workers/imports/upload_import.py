"""Imports uploaded files: some lines at a time, as long as the inbox has room for them.

A job never waits for room, because the worker that it runs on may be the only one that makes room.
It ends, and another goes on. Lines are put into the inbox before their progress is stored, so a
worker that dies between both leaves lines that are sent again: their receipts are the same, and no
event is stored twice.
"""

import time
from functools import partial
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from shared.clock import Clock
from shared.database import Connection, index_only, run
from shared.day_files.rows import receipts_in_files
from shared.imports.line_import import (
    BATCH_EVENTS_MAX,
    ImportLimits,
    ImportResult,
    LineImport,
    read_destination,
)
from shared.imports.line_reader import file_lines
from shared.imports.unread_notes import UnreadNotes
from shared.imports.upload import Upload, upload_pieces
from shared.imports.upload_text import UnreadableFile, open_text
from shared.inbox import measure
from shared.redis import Redis
from workers.imports.upload_claims import (
    UploadedLines,
    claim_upload,
    fail_upload,
    finish_upload,
    release_upload,
    save_progress,
)

# The bounds let it look into the partitions of these days alone.
_STORED = """
SELECT receipt FROM events
WHERE receipt = ANY(%(receipts)s) AND receipt BETWEEN %(first)s AND %(last)s
UNION ALL
SELECT receipt FROM clicks WHERE receipt = ANY(%(receipts)s)
"""


class ImportedLines(NamedTuple):
    """The number of lines that a job has imported, and whether it left some that it could."""

    lines: int
    more: bool


def import_lines(
    connection: Connection,
    redis: Redis,
    limits: ImportLimits,
    now: Clock,
    seconds_max: float,
) -> ImportedLines:
    """Imports lines of one upload until time is up or the inbox is full.

    Time begins when the file stands where its last job ended: a packed one is unpacked up to there,
    and a job that had no time left for lines would make a large file take hours.

    Raises DatabaseError and RedisError; the import goes on after its claim has ended.
    """
    if measure(redis).events > limits.backlog_events_max:
        return ImportedLines(0, more=False)  # the sweep looks again
    upload = claim_upload(connection)
    if upload is None:
        return ImportedLines(0, more=False)
    before = upload.lines
    try:
        progress = UploadProgress(connection, redis, limits, upload, now)
    except UnreadableFile as error:  # as when it is cancelled, and its pieces deleted, meanwhile
        fail_upload(connection, upload, error.message)
        return ImportedLines(0, more=True)
    ends_at = time.monotonic() + seconds_max
    try:
        while progress.advance():
            if progress.backlog_events > limits.backlog_events_max or time.monotonic() >= ends_at:
                release_upload(connection, progress.upload)
                break
    except UnreadableFile as error:
        fail_upload(connection, progress.upload, error.message)
    has_room = progress.backlog_events <= limits.backlog_events_max
    return ImportedLines(progress.upload.lines - before, more=has_room)


class UploadProgress:
    """The import of one upload by this worker. `upload` is as it was stored last."""

    def __init__(
        self,
        connection: Connection,
        redis: Redis,
        limits: ImportLimits,
        upload: Upload,
        now: Clock,
    ) -> None:
        self._connection = connection
        self._redis = redis
        self._unread = UnreadNotes(now)
        self.upload = upload
        destination = read_destination(connection, upload.app_id, now(), self._unread.add)
        imported = ImportResult(
            upload.lines, upload.events, upload.clicks, upload.bad, upload.days, upload.bad_lines
        )
        self._repeats = upload.repeats
        self._lines = LineImport(connection, redis, destination, limits, imported)
        offset = upload.imported_bytes
        text = open_text(partial(upload_pieces, connection, upload.id), offset)
        self._text = file_lines(text, upload.line_number, offset)

    @property
    def backlog_events(self) -> int:
        return self._lines.inbox.backlog_events

    def advance(self) -> bool:
        """Imports the next lines; False at the end, or if the import is not this worker's any more.

        Raises UnreadableFile.
        """
        lines = list(islice(self._text, BATCH_EVENTS_MAX))
        if not lines:
            finish_upload(self._connection, self.upload)
            return False
        events = [event for line in lines if (event := self._lines.read(line)) is not None]
        new = {event.receipt: event for event in events}
        for receipt in _stored(self._connection, list(new)):
            del new[receipt]
        for event in new.values():
            self._lines.put(event)
        self._lines.inbox.flush()
        self._unread.write(self._redis, self.upload.app_id)
        self._repeats += len(events) - len(new)
        progress = UploadedLines(lines[-1], self._lines.imported, self._repeats)
        saved = save_progress(self._connection, self.upload, progress)
        self.upload = saved or self.upload
        return saved is not None


def _stored(connection: Connection, receipts: list[UUID]) -> list[UUID]:
    """Returns those of the receipts whose events or clicks are stored."""
    if not receipts:
        return []
    values = {"receipts": receipts, "first": min(receipts), "last": max(receipts)}
    with index_only(connection):
        stored = {receipt for (receipt,) in run(connection, _STORED, values)}
        return [*(stored | receipts_in_files(connection, receipts))]
