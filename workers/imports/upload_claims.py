"""Decides which worker imports which upload, and keeps how far it has come.

A claim ends by itself a while after its worker fell silent. Progress is stored only as long as
nobody else has stored any, and nobody has cancelled, since it was read: so each line counts once.
"""

from typing import NamedTuple

import msgspec

from shared.database import Connection, run, transaction
from shared.imports.line_import import ImportResult
from shared.imports.line_reader import FileLine
from shared.imports.upload import (
    ENDED_KEPT,
    PIECES_KEPT,
    Upload,
    UploadState,
    delete_pieces,
    find_upload,
)

CLAIM_SECONDS = 20
ATTEMPTS_MAX = 10

_UNCLAIMED = """
state IN ('waiting', 'running') AND (claimed_until IS NULL OR claimed_until <= now())
"""
_UNFINISHED = f"SELECT EXISTS (SELECT FROM uploads WHERE {_UNCLAIMED})"
# Uploads take turns, so that a large one does not keep a small one waiting.
_CLAIM = f"""
UPDATE uploads SET state = 'running', attempts = attempts + 1,
    claimed_until = now() + interval '{CLAIM_SECONDS} seconds'
WHERE id = (
    SELECT id FROM uploads WHERE {_UNCLAIMED}
    ORDER BY claimed_until NULLS FIRST, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING app_id, id, attempts
"""
_SAVE = f"""
UPDATE uploads SET imported_bytes = %(ends_at)s, line_number = %(number)s, lines = %(lines)s,
    events = %(events)s, clicks = %(clicks)s, repeats = %(repeats)s, bad = %(bad)s,
    days = %(days)s, bad_lines = %(bad_lines)s, attempts = 0,
    claimed_until = now() + interval '{CLAIM_SECONDS} seconds'
WHERE id = %(id)s AND state = 'running' AND imported_bytes = %(before)s
"""
_END = """
UPDATE uploads SET state = %(state)s, reason = %(reason)s, claimed_until = NULL,
    expires_at = now() + %(kept)s
WHERE id = %(id)s AND state = 'running' AND imported_bytes = %(before)s
"""
_RELEASE = "UPDATE uploads SET claimed_until = now() WHERE id = %s AND imported_bytes = %s"
_EXPIRE = """
DELETE FROM uploads WHERE id IN (SELECT id FROM uploads WHERE expires_at <= now() LIMIT 10)
"""


class UploadedLines(NamedTuple):
    """The lines that were imported up to the `last`, and how many were stored before."""

    last: FileLine
    imported: ImportResult
    repeats: int


def has_unfinished_uploads(connection: Connection) -> bool:
    """Tells whether an upload waits for a worker."""
    return run(connection, _UNFINISHED).fetchone() == (True,)


def claim_upload(connection: Connection) -> Upload | None:
    """Claims the next upload for this worker, None if there is none.

    One whose import ended too often without any progress has failed.
    """
    row = run(connection, _CLAIM).fetchone()
    if row is None:
        return None
    app_id, upload_id, attempts = row
    upload = find_upload(connection, app_id, upload_id)
    if upload is not None and attempts > ATTEMPTS_MAX:
        fail_upload(
            connection,
            upload,
            f"The import ended {ATTEMPTS_MAX} times without any progress. The log of the workers "
            "says why; then continue it.",
        )
        return None
    return upload


def save_progress(connection: Connection, upload: Upload, progress: UploadedLines) -> Upload | None:
    """Stores how far an import has come; None if it is not ours any more."""
    line, imported = progress.last, progress.imported
    values = {
        "id": upload.id,
        "before": upload.imported_bytes,
        "number": line.number,
        "ends_at": line.ends_at,
        "lines": imported.lines,
        "events": imported.events,
        "clicks": imported.clicks,
        "repeats": progress.repeats,
        "bad": imported.bad,
        "days": imported.days,
        "bad_lines": msgspec.json.encode(imported.bad_lines).decode(),
    }
    if not run(connection, _SAVE, values).rowcount:
        return None
    return find_upload(connection, upload.app_id, upload.id)


def finish_upload(connection: Connection, upload: Upload) -> None:
    """Ends an import and deletes the pieces, unless the import is not ours any more."""
    with transaction(connection):
        if _end(connection, upload, UploadState.DONE):
            delete_pieces(connection, upload.id)


def fail_upload(connection: Connection, upload: Upload, reason: str) -> None:
    """Ends an import that cannot go on, and keeps the pieces for another attempt."""
    _end(connection, upload, UploadState.FAILED, reason)


def release_upload(connection: Connection, upload: Upload) -> None:
    """Lets any worker continue an import."""
    run(connection, _RELEASE, (upload.id, upload.imported_bytes))


def delete_expired_uploads(connection: Connection) -> int:
    """Deletes some uploads whose time is up, with their pieces; returns their number."""
    return run(connection, _EXPIRE).rowcount


def _end(
    connection: Connection, upload: Upload, state: UploadState, reason: str | None = None
) -> bool:
    kept = PIECES_KEPT if state is UploadState.FAILED else ENDED_KEPT
    values = {
        "id": upload.id,
        "before": upload.imported_bytes,
        "state": state,
        "reason": reason,
        "kept": kept,
    }
    return run(connection, _END, values).rowcount > 0
