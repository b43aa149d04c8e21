"""Handles calls that upload a file with the past of an app, and report its import."""

from console.apps.apps import App
from console.importer.uploads import (
    NewUpload,
    add_piece,
    cancel_upload,
    complete_upload,
    create_upload,
    last_uploads,
    show_upload,
)
from console.web.api.api_call import APP, ApiCall, ApiEndpoint
from shared.imports.upload import Upload

UPLOADS = f"{APP}/uploads"
UPLOAD = f"{UPLOADS}/{{upload_id:int}}"


def list_all(call: ApiCall, app: App) -> list[Upload]:
    return last_uploads(call.connection, app)


def create(call: ApiCall, app: App) -> Upload:
    return create_upload(
        call.connection, call.actor, app, call.body, call.settings.uploads_bytes_max
    )


def show(call: ApiCall, app: App, upload_id: int) -> Upload:
    return show_upload(call.connection, app, upload_id)


def add(call: ApiCall, app: App, upload_id: int, number: int) -> Upload:
    return add_piece(call.connection, call.actor, app, upload_id, number, call.body)


def complete(call: ApiCall, app: App, upload_id: int) -> Upload:
    return complete_upload(call.resources, call.actor, app, upload_id)


def cancel(call: ApiCall, app: App, upload_id: int) -> Upload:
    return cancel_upload(call.connection, call.actor, app, upload_id)


UPLOAD_ENDPOINTS = (
    ApiEndpoint(
        "GET",
        UPLOADS,
        "List the last uploads of an app, newest first, with the progress of their import.",
        list_all,
        list[Upload],
    ),
    ApiEndpoint(
        "POST",
        UPLOADS,
        "Begin an upload of JSON lines, plain or packed by gzip, of which the size is known.",
        create,
        Upload,
        NewUpload,
        status=201,
    ),
    ApiEndpoint("GET", UPLOAD, "Return an upload and the progress of its import.", show, Upload),
    ApiEndpoint(
        "PUT",
        f"{UPLOAD}/pieces/{{number:int}}",
        "Send a piece, counted from 1: 262,144 bytes, and what is left in the last one. Pieces "
        "may come in any order and again.",
        add,
        Upload,
        bytes,
    ),
    ApiEndpoint(
        "POST",
        f"{UPLOAD}/complete",
        "Have a worker import an upload whose pieces are all there, or continue one that failed.",
        complete,
        Upload,
        status=202,
    ),
    ApiEndpoint(
        "DELETE",
        UPLOAD,
        "Cancel an upload and delete its pieces. What was imported stays.",
        cancel,
        Upload,
    ),
)
