"""Takes in files with the past of an app from the page of past data, whole or piece by piece."""

import msgspec

from console.apps.apps import App
from console.importer.uploads import (
    NewUpload,
    add_piece,
    cancel_upload,
    complete_upload,
    create_upload,
)
from console.web.page_request import PageRequest
from console.web.responses import Answer, Finished, Redirect
from shared.errors import OperatorError
from shared.imports.upload import PIECE_BYTES_MAX, Upload

PASTED = "pasted lines"
_STARTED = "A worker imports the file."
_JSON = "application/json"


def create(request: PageRequest, app: App) -> Answer:
    """Begins an upload whose pieces the script of the page sends."""
    size = request.form.get("size_bytes")
    if not (size.isascii() and size.isdecimal() and len(size) <= 18):
        raise OperatorError("Choose a file, or paste its lines.")
    new = NewUpload(request.form.get("name"), int(size))
    upload = _create(request, app, new)
    return Finished(_JSON, msgspec.json.encode({"id": upload.id, "piece_bytes": PIECE_BYTES_MAX}))


def paste(request: PageRequest, app: App) -> Answer:
    """Imports the lines of a form, which are one piece."""
    content = request.form.get("lines").encode()
    if not content:
        raise OperatorError("Paste the lines of a file: one JSON object on each.")
    upload = _create(request, app, NewUpload(PASTED, len(content)))
    add_piece(request.connection, request.actor, app, upload.id, 1, content)
    return complete(request, app, upload.id)


def _create(request: PageRequest, app: App, new: NewUpload) -> Upload:
    bytes_max = request.services.settings.uploads_bytes_max
    return create_upload(request.connection, request.actor, app, new, bytes_max)


def add(request: PageRequest, app: App, upload_id: int, number: int) -> Answer:
    add_piece(request.connection, request.actor, app, upload_id, number, request.content)
    return Finished(_JSON, b"{}")


def complete(request: PageRequest, app: App, upload_id: int) -> Answer:
    complete_upload(request.resources, request.actor, app, upload_id)
    return Redirect(f"/apps/{app.id}/past", _STARTED)


def cancel(request: PageRequest, app: App, upload_id: int) -> Answer:
    cancel_upload(request.connection, request.actor, app, upload_id)
    return Redirect(f"/apps/{app.id}/past", "The upload is cancelled. What was imported stays.")
