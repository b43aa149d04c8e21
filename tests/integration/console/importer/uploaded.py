"""Uploads a file as the console does, in one call."""

from console.apps.apps import App
from console.importer.uploads import NewUpload, add_piece, complete_upload, create_upload
from console.resources import Resources
from shared.imports.upload import PIECE_BYTES_MAX, Upload
from tests.support.build import ADMIN


def upload_file(resources: Resources, app: App, content: bytes, name: str = "a file") -> Upload:
    connection = resources.connection
    upload = create_upload(connection, ADMIN, app, NewUpload(name, len(content)), 10**10)
    for start in range(0, len(content), PIECE_BYTES_MAX):
        piece = content[start : start + PIECE_BYTES_MAX]
        add_piece(connection, ADMIN, app, upload.id, start // PIECE_BYTES_MAX + 1, piece)
    return complete_upload(resources, ADMIN, app, upload.id)
