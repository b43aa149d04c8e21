"""Defines an event, clicks a test link, and sees the attribution with its reason."""

from urllib.request import urlopen

from playwright.sync_api import Page, expect

from tests.browser.test_protection import add_app
from tests.system.product import Waybill

SHOP = "https://shop.example/"
SOON_MS = 20_000


def test_a_test_click_is_followed_to_its_attributed_user(waybill: Waybill, page: Page) -> None:
    add_app(page, "Followed")
    token = waybill.json("token", "create", "--app", "Followed", "--name", "backend")["secret"]

    # Define an event.
    page.get_by_role("link", name="Event types", exact=True).click()
    page.get_by_role("link", name="New event type").click()
    page.get_by_label("Name").fill("Purchase")
    page.get_by_label("Mapping ID").fill("buy")
    page.get_by_role("button", name="Create event type").click()
    expect(page.get_by_text("Event type Purchase has been created.")).to_be_visible()

    # Create a link and click it.
    page.get_by_role("link", name="Links", exact=True).click()
    page.get_by_role("link", name="New link").click()
    page.get_by_label("Partner").fill("Acme")
    page.get_by_label("Name").fill("Summer")
    page.get_by_label("Destination").fill(SHOP)
    page.get_by_role("button", name="Create link").click()
    page.get_by_role("button", name="Test click").click()
    page.context.route(f"{SHOP}**", lambda route: route.fulfill(body="Welcome to the shop"))
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open the link").click()
    expect(opened.value.get_by_text("Welcome to the shop")).to_be_visible()
    opened.value.close()
    expect(page.get_by_text("received", exact=True)).to_be_visible(timeout=SOON_MS)

    # Report a user who names the click.
    click_id = page.locator("#chain code").first.inner_text()
    query = f"s2s_token={token}&user_id=somebody&event_id=buy&click_id={click_id}"
    with urlopen(f"{waybill.url}/postback?{query}", timeout=60) as answer:
        assert answer.status == 200
    expect(page.get_by_text("attributed to Acme / Summer")).to_be_visible(timeout=SOON_MS)

    # The user's timeline shows the same, and so does the page of their event.
    page.get_by_role("link", name="somebody").click()
    expect(page.get_by_role("img", name="Clicks, events, sessions")).to_be_visible()
    page.get_by_role("row", name="buy").get_by_role("link", name="View event").click()
    expect(page.get_by_text("Attribution at event time")).to_be_visible()
    expect(page.get_by_text("by click ID")).to_be_visible()
