"""Takes in files piece by piece."""

from threading import Thread

import pytest

from console.apps.apps import App, create_app
from console.importer.uploads import (
    NewUpload,
    UnknownUpload,
    UploadConflict,
    add_piece,
    cancel_upload,
    complete_upload,
    create_upload,
    last_uploads,
    show_upload,
)
from console.resources import Resources
from shared.database import Connection, connect
from shared.errors import OperatorError
from shared.imports.upload import (
    PIECE_BYTES_MAX,
    UNFINISHED_UPLOADS_MAX,
    UPLOAD_BYTES_MAX,
    Upload,
    UploadState,
    upload_pieces,
)
from shared.imports.upload_text import UnreadableFile
from shared.rq_queue import waiting_jobs
from tests.integration.console.importer.uploaded import upload_file
from tests.support.build import ADMIN

CONTENT = b"x" * PIECE_BYTES_MAX + b"y" * PIECE_BYTES_MAX + b"z"
PIECES = {1: b"x" * PIECE_BYTES_MAX, 2: b"y" * PIECE_BYTES_MAX, 3: b"z"}


@pytest.fixture
def begun(connection: Connection, shop: App) -> Upload:
    return create_upload(connection, ADMIN, shop, NewUpload("shop.ndjson", len(CONTENT)), 10**10)


def pieces_left(connection: Connection) -> int:
    [(count,)] = connection.execute("SELECT count(*) FROM upload_pieces").fetchall()
    return int(count)


def test_pieces_make_the_file_in_whatever_order_and_however_often_they_come(
    resources: Resources, shop: App, begun: Upload
) -> None:
    connection = resources.connection
    for number in (3, 1, 3, 2, 1):
        upload = add_piece(connection, ADMIN, shop, begun.id, number, PIECES[number])
    completed = complete_upload(resources, ADMIN, shop, begun.id)

    assert (upload.pieces, upload.received_bytes) == (3, len(CONTENT))
    assert completed.state is UploadState.WAITING
    assert waiting_jobs(resources.redis) == 1
    assert b"".join(upload_pieces(connection, begun.id)) == CONTENT
    for offset in (1, PIECE_BYTES_MAX - 1, PIECE_BYTES_MAX, len(CONTENT) - 1, len(CONTENT)):
        assert b"".join(upload_pieces(connection, begun.id, offset)) == CONTENT[offset:]


def test_a_file_is_complete_when_no_piece_is_missing(
    resources: Resources, shop: App, begun: Upload
) -> None:
    for number in (1, 3):
        add_piece(resources.connection, ADMIN, shop, begun.id, number, PIECES[number])

    with pytest.raises(UploadConflict, match="Piece 2 of 3 is missing"):
        complete_upload(resources, ADMIN, shop, begun.id)
    assert waiting_jobs(resources.redis) == 0


def test_a_piece_that_has_changed_is_refused(
    resources: Resources, shop: App, begun: Upload
) -> None:
    add_piece(resources.connection, ADMIN, shop, begun.id, 3, b"z")

    with pytest.raises(UploadConflict, match="other content"):
        add_piece(resources.connection, ADMIN, shop, begun.id, 3, b"Z")
    assert b"".join(upload_pieces(resources.connection, begun.id, 2 * PIECE_BYTES_MAX)) == b"z"


@pytest.mark.parametrize(
    ("number", "content", "why"),
    [
        (1, b"x", "Piece 1 of 3 must have 262144 bytes, and has 1"),
        (3, b"zz", "Piece 3 of 3 must have 1 bytes, and has 2"),
        (3, b"", "must have 1 bytes"),
        (4, b"z", "no piece 4"),
    ],
)
def test_a_piece_of_another_size_than_its_place_has_is_refused(
    connection: Connection, shop: App, begun: Upload, number: int, content: bytes, why: str
) -> None:
    with pytest.raises(OperatorError, match=why):
        add_piece(connection, ADMIN, shop, begun.id, number, content)
    assert pieces_left(connection) == 0


def test_a_file_of_another_kind_is_refused_with_its_first_piece(
    connection: Connection, shop: App
) -> None:
    content = '{"type": "open"}'.encode("utf-16")
    upload = create_upload(connection, ADMIN, shop, NewUpload("wide", len(content)), 10**10)

    with pytest.raises(UnreadableFile, match="UTF-16"):
        add_piece(connection, ADMIN, shop, upload.id, 1, content)


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (NewUpload("a", 0), "empty"),
        (NewUpload("a", UPLOAD_BYTES_MAX + 1), "more than 256 MiB"),
        (NewUpload(" ", 1), "1 to 200 characters"),
        (NewUpload("n" * 201, 1), "1 to 200 characters"),
        (NewUpload("a\0b", 1), "printable"),
    ],
)
def test_a_file_that_cannot_be_taken_in_is_refused_before_it_is_sent(
    connection: Connection, shop: App, new: NewUpload, why: str
) -> None:
    with pytest.raises(OperatorError, match=why):
        create_upload(connection, ADMIN, shop, new, 10**10)


def test_an_app_has_so_many_unfinished_uploads_and_no_more(
    connection: Connection, shop: App
) -> None:
    uploads = [
        create_upload(connection, ADMIN, shop, NewUpload("a", 1), 10**10)
        for _ in range(UNFINISHED_UPLOADS_MAX)
    ]

    with pytest.raises(UploadConflict, match="4 uploads of this app are unfinished"):
        create_upload(connection, ADMIN, shop, NewUpload("a", 1), 10**10)
    cancel_upload(connection, ADMIN, shop, uploads[0].id)
    create_upload(connection, ADMIN, shop, NewUpload("a", 1), 10**10)


def test_a_cancelled_upload_keeps_no_piece_and_takes_none(resources: Resources, shop: App) -> None:
    connection = resources.connection
    upload = upload_file(resources, shop, b"{}")

    assert cancel_upload(connection, ADMIN, shop, upload.id).state is UploadState.CANCELLED
    assert pieces_left(connection) == 0
    with pytest.raises(UploadConflict, match="cancelled"):
        add_piece(connection, ADMIN, shop, upload.id, 1, b"{}")
    with pytest.raises(UploadConflict, match="cancelled"):
        complete_upload(resources, ADMIN, shop, upload.id)
    with pytest.raises(UploadConflict, match="cancelled"):
        cancel_upload(connection, ADMIN, shop, upload.id)


def test_nobody_reaches_the_uploads_of_another_app(resources: Resources, shop: App) -> None:
    other = create_app(resources, ADMIN, "Other")
    upload = create_upload(resources.connection, ADMIN, shop, NewUpload("a", 1), 10**10)

    with pytest.raises(UnknownUpload):
        show_upload(resources.connection, other, upload.id)
    with pytest.raises(UnknownUpload):
        add_piece(resources.connection, ADMIN, other, upload.id, 1, b"z")
    with pytest.raises(UnknownUpload):
        complete_upload(resources, ADMIN, other, upload.id)
    with pytest.raises(UnknownUpload):
        cancel_upload(resources.connection, ADMIN, other, upload.id)
    assert last_uploads(resources.connection, other) == []
    assert [each.id for each in last_uploads(resources.connection, shop)] == [upload.id]


@pytest.mark.parametrize("state", ["waiting", "running", "done"])
def test_an_upload_that_is_complete_may_be_completed_again_and_stays_as_it_is(
    resources: Resources, shop: App, state: str
) -> None:
    upload = upload_file(resources, shop, b"{}")
    resources.connection.execute("UPDATE uploads SET state = %s, attempts = 3", (state,))

    again = complete_upload(resources, ADMIN, shop, upload.id)

    assert again.state == state
    row = resources.connection.execute("SELECT state, attempts FROM uploads").fetchall()
    assert row == [(state, 3)]
    assert waiting_jobs(resources.redis) == 1


def test_the_uploads_of_all_apps_together_have_a_limit(
    resources: Resources, connection: Connection, shop: App
) -> None:
    other = create_app(resources, ADMIN, "Other")
    first = create_upload(connection, ADMIN, shop, NewUpload("a", 600), 1_000)

    with pytest.raises(UploadConflict, match="all apps together"):
        create_upload(connection, ADMIN, other, NewUpload("b", 401), 1_000)
    create_upload(connection, ADMIN, other, NewUpload("b", 400), 1_000)
    with pytest.raises(UploadConflict):
        create_upload(connection, ADMIN, shop, NewUpload("c", 1), 1_000)
    cancel_upload(connection, ADMIN, shop, first.id)
    create_upload(connection, ADMIN, shop, NewUpload("c", 600), 1_000)


def test_two_uploads_at_once_share_the_limit(shop: App, database_url: str) -> None:
    outcomes: list[str] = []

    def begin(number: int) -> None:
        with connect(database_url, "tests") as own:
            try:
                create_upload(own, ADMIN, shop, NewUpload(str(number), 600), 1_000)
            except UploadConflict:
                outcomes.append("refused")
            else:
                outcomes.append("begun")

    threads = [Thread(target=begin, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["begun", "refused", "refused", "refused"]
