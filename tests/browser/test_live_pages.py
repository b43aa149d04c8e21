"""Watches pages that update themselves: they say when they no longer do, and why."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.test_protection import add_app


def test_a_live_page_says_when_it_is_out_of_date(context: BrowserContext) -> None:
    page = context.new_page()  # whose browser complains of the status 503
    page.goto("/operations")
    stale = page.locator("#pipeline-stale")

    page.route("**/operations", lambda route: route.fulfill(status=503, body="down"))
    expect(stale).to_contain_text("Not updated since", timeout=15_000)
    expect(stale).to_contain_text("The console does not answer; this page tries again.")
    expect(stale).to_have_attribute("role", "status")

    page.unroute("**/operations")
    expect(stale).to_have_count(0, timeout=15_000)


def test_a_live_page_says_that_somebody_is_signed_out(page: Page, context: BrowserContext) -> None:
    add_app(page, "Live")
    page.get_by_role("link", name="Integration").click()
    stale = page.locator("#check-stale")
    expect(page.locator("#check")).to_be_visible()

    context.clear_cookies()

    expect(stale).to_contain_text("You are signed out.", timeout=15_000)
    stale.get_by_role("link", name="Sign in").click()
    expect(page.get_by_label("Password")).to_be_visible()
