"""Uploads a file on the page of past data, with and without JavaScript."""

import json

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, FilePayload, Page, Route, expect

from tests.browser.test_protection import add_app

WAIT_MS = 60_000
SERIOUS = {"serious", "critical"}


def line(number: int) -> bytes:
    event = {"type": "open", "time": 1_767_225_600 + number, "user_id": f"user {number}"}
    return json.dumps(event).encode() + b"\n"


def file_of(count: int, *bad: bytes) -> FilePayload:
    content = b"".join(map(line, range(count))) + b"".join(bad)
    return {"name": "shop.ndjson", "mimeType": "application/x-ndjson", "buffer": content}


def open_past_data(page: Page, app: str) -> None:
    address = add_app(page, app)
    page.goto(f"{address.rstrip('/')}/past")


def test_a_file_is_sent_in_pieces_again_after_a_failure_and_its_import_followed(
    context: BrowserContext,
) -> None:
    page = context.new_page()  # whose browser complains of the status 503
    open_past_data(page, "Uploaded")
    failures: list[str] = []

    def fail_once(route: Route) -> None:
        if len(failures) < 2:
            failures.append(route.request.url)
            route.abort() if len(failures) == 1 else route.fulfill(status=503, body="down")
        else:
            route.continue_()

    page.route("**/pieces/2", fail_once)
    page.get_by_label("File").set_input_files([file_of(6_000, b"{\n")])  # two pieces
    page.get_by_role("button", name="Upload and import").click()

    row = page.get_by_role("row", name="shop.ndjson")
    expect(row).to_contain_text("done", timeout=WAIT_MS)
    expect(row).to_contain_text("6\u202f001")
    expect(row).to_contain_text("6\u202f000")
    assert len(failures) == 2
    page.get_by_text("Rejected lines of shop.ndjson (1)").click()
    expect(page.get_by_text("Line 6001: The line is not one JSON object in UTF-8.")).to_be_visible()
    violations = Axe().run(page).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in SERIOUS] == []


def test_a_file_that_is_refused_says_why_beside_the_button(page: Page) -> None:
    open_past_data(page, "Refused")
    wide = FilePayload(
        name="wide.ndjson", mimeType="text/plain", buffer='{"type": "open"}'.encode("utf-16")
    )
    page.get_by_label("File").set_input_files([wide])
    page.get_by_role("button", name="Upload and import").click()

    status = page.get_by_role("status").filter(has_text="UTF-16")
    expect(status).to_contain_text("Save it as UTF-8", timeout=WAIT_MS)
    expect(page.get_by_role("button", name="Upload and import")).to_be_enabled()


def test_lines_are_imported_without_javascript(plain: Page) -> None:
    open_past_data(plain, "Pasted")
    expect(plain.get_by_label("File")).to_be_hidden()
    plain.get_by_label("Lines").fill(line(1).decode() + line(2).decode())
    plain.get_by_role("button", name="Import", exact=True).click()

    expect(plain.get_by_role("row", name="pasted lines")).to_be_visible()
