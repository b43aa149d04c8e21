"""Takes in files with the past of an app piece by piece, and has workers import them.

Any number of requests may bring pieces, in any order and more than once. Nothing is imported
before all of them are there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.resources import Resources
from console.validation import clean_text
from shared.database import Connection, run, transaction
from shared.errors import OperatorError
from shared.imports.upload import (
    ENDED_KEPT,
    PIECE_BYTES_MAX,
    PIECES_KEPT,
    UNFINISHED_UPLOADS_MAX,
    UPLOAD_BYTES_MAX,
    Upload,
    UploadState,
    delete_pieces,
    find_upload,
    last_piece,
    list_uploads,
)
from shared.imports.upload_text import check_start
from shared.rq_queue import enqueue
from shared.shards.advisory_locks import AdvisoryLock, lock

NAME_CHARACTERS_MAX = 200
LISTED_MAX = 20

_LOCK_APP = "SELECT id FROM apps WHERE id = %s FOR NO KEY UPDATE"
_COUNT_UNFINISHED = """
SELECT count(*) FROM uploads WHERE app_id = %s AND state NOT IN ('done', 'cancelled')
"""
_SUM_UNFINISHED = """
SELECT coalesce(sum(size_bytes), 0)::bigint FROM uploads WHERE state NOT IN ('done', 'cancelled')
"""
_CREATE = """
INSERT INTO uploads (app_id, actor, name, size_bytes, expires_at)
VALUES (%s, %s, %s, %s, now() + %s) RETURNING id
"""
_ADD_PIECE = """
INSERT INTO upload_pieces (upload_id, number, content) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_IS_SAME = "SELECT content = %s FROM upload_pieces WHERE upload_id = %s AND number = %s"
_COUNT_PIECE = """
UPDATE uploads SET pieces = pieces + 1, received_bytes = received_bytes + %s,
    expires_at = now() + %s
WHERE id = %s
"""
_MISSING = """
SELECT number FROM generate_series(1, %s) AS wanted (number)
WHERE NOT EXISTS (SELECT FROM upload_pieces AS p WHERE upload_id = %s AND p.number = wanted.number)
ORDER BY number LIMIT 1
"""
_SET_STATE = """
UPDATE uploads SET state = %s, reason = NULL, attempts = 0, claimed_until = NULL,
    expires_at = now() + %s
WHERE id = %s
"""
_COMPLETE = (UploadState.WAITING, UploadState.RUNNING, UploadState.DONE)
_ENDED = (UploadState.DONE, UploadState.CANCELLED)


class UnknownUpload(OperatorError):
    """An upload that the app does not have, or not any more."""

    code = "unknown_upload"
    status = 404

    def __init__(self) -> None:
        super().__init__(
            "This app has no upload with this id. Uploads are deleted some days after their end."
        )


class UploadConflict(OperatorError):
    """A call that does not fit the state of its upload."""

    code = "upload_conflict"
    status = 409


@dataclass(frozen=True)
class NewUpload:
    """A file that is about to be uploaded: its name for people, and its size as it is sent."""

    name: str
    size_bytes: int


def create_upload(
    connection: Connection, actor: Actor, app: App, new: NewUpload, stored_bytes_max: int
) -> Upload:
    """Prepares an upload; the uploads of all apps together hold no more than so many bytes.

    Raises OperatorError, and NotAllowed for a viewer.
    """
    require_admin(actor)
    name = clean_text("name", new.name, NAME_CHARACTERS_MAX)
    if new.size_bytes < 1:
        raise OperatorError("The file is empty. Choose a file with one JSON object per line.")
    if new.size_bytes > UPLOAD_BYTES_MAX:
        raise OperatorError(
            f"The file has more than {UPLOAD_BYTES_MAX // 1024**2} MiB. Pack it by gzip, split it, "
            "or import it with waybill import."
        )
    with transaction(connection):
        run(connection, _LOCK_APP, (app.id,))
        [(unfinished,)] = run(connection, _COUNT_UNFINISHED, (app.id,)).fetchall()
        if unfinished >= UNFINISHED_UPLOADS_MAX:
            raise UploadConflict(
                f"{unfinished} uploads of this app are unfinished, and there may be no more. Wait "
                "for one to end, or cancel one."
            )
        lock(connection, AdvisoryLock.UPLOAD)  # two might both just fit
        [(stored_bytes,)] = run(connection, _SUM_UNFINISHED).fetchall()
        if stored_bytes + new.size_bytes > stored_bytes_max:
            raise UploadConflict(
                "The uploads of all apps together need more room than this installation gives "
                "them. Wait for some to end, or import the file with waybill import."
            )
        values = (app.id, actor.name, name, new.size_bytes, PIECES_KEPT)
        [(upload_id,)] = run(connection, _CREATE, values).fetchall()
        return show_upload(connection, app, upload_id)


def add_piece(
    connection: Connection, actor: Actor, app: App, upload_id: int, number: int, content: bytes
) -> Upload:
    """Stores a piece of a file; the same piece may be sent again.

    Raises OperatorError for a piece of another size than its number demands, UploadConflict where
    it was sent with other content, and NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(connection):
        upload = show_upload(connection, app, upload_id, locked=True)
        _require_state(upload, UploadState.RECEIVING)
        _check_piece(upload, number, content)
        if run(connection, _ADD_PIECE, (upload_id, number, content)).rowcount:
            run(connection, _COUNT_PIECE, (len(content), PIECES_KEPT, upload_id))
        elif run(connection, _IS_SAME, (content, upload_id, number)).fetchone() != (True,):
            raise UploadConflict(
                f"Piece {number} has arrived with other content. Has the file changed meanwhile? "
                "Cancel this upload and begin another one."
            )
        return show_upload(connection, app, upload_id)


def complete_upload(resources: Resources, actor: Actor, app: App, upload_id: int) -> Upload:
    """Has a worker import a file whose pieces are all there, or continue one that failed.

    Whoever got no answer may ask again: what is complete already stays as it is. Raises
    UploadConflict if a piece is missing, RedisError, and NotAllowed for a viewer.
    """
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        upload = show_upload(connection, app, upload_id, locked=True)
        if upload.state in _COMPLETE:
            return upload
        _require_state(upload, UploadState.RECEIVING, UploadState.FAILED)
        if upload.received_bytes < upload.size_bytes:
            last = last_piece(upload.size_bytes)
            [(missing,)] = run(connection, _MISSING, (last, upload_id)).fetchall()
            raise UploadConflict(
                f"Piece {missing} of {last} is missing. Send it, then complete the upload again."
            )
        after = {"upload": upload.id, "size_bytes": upload.size_bytes}
        _change_state(connection, actor, app, upload, UploadState.WAITING, after)
    enqueue(resources.redis, "import_uploads")
    return show_upload(connection, app, upload_id)


def cancel_upload(connection: Connection, actor: Actor, app: App, upload_id: int) -> Upload:
    """Ends an upload and deletes its pieces; what was imported stays.

    Raises UploadConflict if it has ended, and NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(connection):
        upload = show_upload(connection, app, upload_id, locked=True)
        if upload.state in _ENDED:
            raise UploadConflict(f"This upload is {upload.state}. Only others can be cancelled.")
        after = {"upload": upload.id, "lines": upload.lines}
        _change_state(connection, actor, app, upload, UploadState.CANCELLED, after)
        delete_pieces(connection, upload_id)
        return show_upload(connection, app, upload_id)


def show_upload(
    connection: Connection, app: App, upload_id: int, *, locked: bool = False
) -> Upload:
    """Returns an upload of an app; `locked`, nobody else changes it in this transaction.

    Raises UnknownUpload.
    """
    upload = find_upload(connection, app.id, upload_id, locked=locked)
    if upload is None:
        raise UnknownUpload
    return upload


def last_uploads(connection: Connection, app: App) -> list[Upload]:
    """Returns the last uploads of an app, the newest first."""
    return list_uploads(connection, app.id, LISTED_MAX)


def _require_state(upload: Upload, *states: UploadState) -> None:
    if upload.state not in states:
        raise UploadConflict(
            f"This upload is {upload.state}. Begin another one to import another file."
        )


def _check_piece(upload: Upload, number: int, content: bytes) -> None:
    """Checks that a piece has the size of its place, and the first one a start that is readable."""
    last = last_piece(upload.size_bytes)
    if not 1 <= number <= last:
        raise OperatorError(
            f"A file of {upload.size_bytes} bytes has {last} pieces, counted from 1; there is no "
            f"piece {number}."
        )
    rest = upload.size_bytes - (last - 1) * PIECE_BYTES_MAX
    wanted = PIECE_BYTES_MAX if number < last else rest
    if len(content) != wanted:
        raise OperatorError(
            f"Piece {number} of {last} must have {wanted} bytes, and has {len(content)}. Cut the "
            f"file into pieces of {PIECE_BYTES_MAX} bytes; the last one has what is left."
        )
    if number == 1:
        check_start(content)


def _change_state(
    connection: Connection,
    actor: Actor,
    app: App,
    upload: Upload,
    state: UploadState,
    after: Mapping[str, object],
) -> None:
    """Changes the state of an upload, and records it."""
    run(connection, _SET_STATE, (state, ENDED_KEPT, upload.id))
    action = Action.UPLOAD_CANCEL if state is UploadState.CANCELLED else Action.UPLOAD_IMPORT
    record_change(connection, actor, app.id, Change(action, upload.name, None, after))
