"""Tests the imports on the page of past data: files in pieces, and pasted lines."""

import pytest

from console.apps.apps import App
from console.audit import list_changes
from console.importer.uploads import last_uploads
from shared.database import Connection
from shared.imports.upload import PIECE_BYTES_MAX, UploadState
from shared.redis import Redis
from shared.rq_queue import waiting_jobs
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR

pytestmark = ON_ONE_PAIR
LINE = '{"type": "open", "time": 1767225600, "user_id": "u"}'
ORIGIN = "http://console.test"


def csrf(browser: Browser, shop: App) -> str:
    browser.get(f"/apps/{shop.id}/past")
    return browser.page.forms[-1].fields["csrf"]


def begin(browser: Browser, shop: App, size_bytes: int) -> int:
    values = {"csrf": csrf(browser, shop), "name": "shop.ndjson", "size_bytes": size_bytes}
    return int(browser.post(f"/apps/{shop.id}/past/uploads", values).json["id"])


def send(browser: Browser, shop: App, path: str, content: bytes, **headers: str) -> int:
    usual = {
        "Content-Type": "application/octet-stream",
        "Origin": ORIGIN,
        "X-CSRF-Token": csrf(browser, shop),
    }
    at = f"/apps/{shop.id}/past/uploads/{path}"
    result = browser.ask("POST", at, body=content, headers=usual | headers)
    return result.status_code


def test_pasted_lines_wait_for_a_worker_and_are_audited(
    admin: Browser, shop: App, redis: Redis, connection: Connection
) -> None:
    admin.get(f"/apps/{shop.id}/past")

    admin.send(f"/apps/{shop.id}/past/lines", lines=f"{LINE}\r\n{LINE}")

    assert "A worker imports the file." in admin.text
    assert "pasted lines waiting" in admin.text
    assert waiting_jobs(redis) == 1
    assert list_changes(connection, shop.id, 1)[0].action == "upload.import"


def test_the_pieces_of_a_file_are_sent_by_the_session_that_was_shown_the_page(
    admin: Browser, shop: App, connection: Connection
) -> None:
    upload = begin(admin, shop, PIECE_BYTES_MAX + 1)

    assert send(admin, shop, f"{upload}/pieces/1", b"x" * PIECE_BYTES_MAX) == 200
    assert send(admin, shop, f"{upload}/pieces/2", b"y") == 200
    admin.post(f"/apps/{shop.id}/past/uploads/{upload}/complete", {"csrf": csrf(admin, shop)})

    assert last_uploads(connection, shop)[0].state is UploadState.WAITING


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-CSRF-Token": "other"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ],
)
def test_a_piece_from_elsewhere_is_refused(
    admin: Browser, shop: App, connection: Connection, headers: dict[str, str], status: int
) -> None:
    upload = begin(admin, shop, 1)

    assert send(admin, shop, f"{upload}/pieces/1", b"y", **headers) == status
    assert last_uploads(connection, shop)[0].pieces == 0


def test_a_piece_that_is_too_large_is_refused(admin: Browser, shop: App) -> None:
    upload = begin(admin, shop, 2 * PIECE_BYTES_MAX)

    assert send(admin, shop, f"{upload}/pieces/1", b"y" * (PIECE_BYTES_MAX + 1)) == 400


def test_what_is_refused_says_why_above_the_page(admin: Browser, shop: App) -> None:
    at = f"/apps/{shop.id}/past/uploads"
    token = csrf(admin, shop)

    for values, why in (
        ({"name": "a", "size_bytes": "0"}, "The file is empty."),
        ({"name": "a", "size_bytes": str(10**12)}, "more than 256 MiB"),
        ({"name": "a", "size_bytes": "many"}, "Choose a file"),
    ):
        assert admin.post(at, {**values, "csrf": token}).status_code == 422
        assert why in admin.text
    assert admin.post(f"{at}/1/complete", {"csrf": token}).status_code == 422
    assert "This app has no upload with this id." in admin.text


def test_everybody_sees_imports_with_their_first_rejected_lines(
    admin: Browser, viewer: Browser, shop: App, connection: Connection
) -> None:
    begin(admin, shop, 4)
    connection.execute(
        """
        UPDATE uploads SET state = 'failed', lines = 1234, bad = 30, reason = 'It is damaged.',
            bad_lines = '[{"number": 7, "field": "time", "reason": "time is required."}]'
        """
    )

    markup = viewer.get(f"/apps/{shop.id}/past").text

    assert "shop.ndjson failed It is damaged. 1 234" in viewer.text
    assert "Line 7: time is required. … and 29 more." in viewer.text
    assert "/past/uploads" not in markup
    admin.get(f"/apps/{shop.id}/past")
    assert [form.action.rpartition("/")[2] for form in admin.page.forms[1:4]] == [
        "recompute",
        "complete",
        "cancel",
    ]


def test_an_import_is_cancelled_on_the_page(
    admin: Browser, shop: App, connection: Connection
) -> None:
    upload = begin(admin, shop, 4)
    admin.get(f"/apps/{shop.id}/past")

    admin.send(f"/apps/{shop.id}/past/uploads/{upload}/cancel")

    assert "The upload is cancelled." in admin.text
    assert last_uploads(connection, shop)[0].state is UploadState.CANCELLED
