"""Fixtures: a running Waybill, and Chromium with an admin signed in through the pages."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from tests.system.product import Waybill

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# It requests nothing but our pages; as root, it has to run without its own sandbox.
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def waybill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    with Waybill(
        tmp_path_factory.mktemp("browser") / "data", workers=1, console=True, patient=False
    ) as waybill:
        yield waybill


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def signed_in(waybill: Waybill, chromium: Browser) -> StorageState:
    """Signs in the first admin by the link that `waybill up` prints; returns the cookies."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(waybill.invitation_url())
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Confirm password").fill(PASSWORD)
    page.get_by_role("button", name="Set password and sign in").click()
    page.get_by_text("Welcome, admin").wait_for()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def context(
    waybill: Waybill, chromium: Browser, signed_in: StorageState
) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=waybill.console_url, storage_state=signed_in)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Opens a page on which nothing may violate a policy or fail to load."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(error.message))
    yield page
    assert [text for text in complaints if "status of 4" not in text] == []


@pytest.fixture
def plain(waybill: Waybill, chromium: Browser, signed_in: StorageState) -> Iterator[Page]:
    """Opens a page without JavaScript."""
    context = chromium.new_context(
        base_url=waybill.console_url, storage_state=signed_in, java_script_enabled=False
    )
    yield context.new_page()
    context.close()
