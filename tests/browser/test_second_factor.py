"""The second step of signing in, as a person sets it up and uses it: on a phone, light and dark."""

import re

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PASSWORD
from tests.browser.test_every_page import PHONE, SERIOUS, WIDE
from tests.system.product import Waybill


def look(page: Page) -> None:
    """Checks a page that only a form leads to, as the others are checked."""
    for size in (PHONE, WIDE):
        page.set_viewport_size(size)
        violations = Axe().run(page).response["violations"]
        assert [each["id"] for each in violations if each["impact"] in SERIOUS] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def sign_in(page: Page, name: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_sets_up_an_authenticator_and_signs_in_with_it(
    waybill: Waybill, chromium: Browser, scheme: str
) -> None:
    link = waybill.json("admin", "create", "--role", "viewer", f"Tess in the {scheme}")["link"]
    context = chromium.new_context(
        base_url=waybill.console_url,
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=True,  # axe is not part of the page
    )
    page = context.new_page()
    page.goto(re.sub(r"https?://[^/]*", waybill.console_url, link))
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Confirm password").fill(PASSWORD)
    page.get_by_role("button", name="Set password and sign in").click()
    page.goto("/account")
    page.get_by_role("link", name="Set up a second step").click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    page.get_by_role("img", name="QR code").wait_for()
    look(page)

    typed = page.get_by_text("Or type this secret").locator("code").inner_text()
    authenticator = pyotp.TOTP(typed.replace(" ", ""))
    page.get_by_role("textbox", name="Code").fill(authenticator.now())
    page.get_by_role("button", name="Confirm").click()
    codes = page.locator(".codes code")
    assert codes.count() == 10
    look(page)
    recovery = codes.first.inner_text()
    page.goto("/account")
    page.get_by_role("button", name="Sign out", exact=True).first.click()

    sign_in(page, f"Tess in the {scheme}")
    page.get_by_role("heading", name="Second step").wait_for()
    look(page)
    page.get_by_role("textbox", name="Code").fill("123")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    look(page)
    page.get_by_role("textbox", name="Code").fill(recovery)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/apps*")
    assert "9 recovery codes" in _factor_page(page)
    context.close()


def _factor_page(page: Page) -> str:
    page.goto("/account/second-factor")
    return page.locator("main").inner_text()
