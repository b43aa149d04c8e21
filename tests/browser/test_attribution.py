"""An event is defined, a test link clicked, and the attribution seen with its reason."""

from urllib.request import urlopen

from playwright.sync_api import Page, expect

from tests.browser.test_protection import add_app
from tests.system.product import Waybill

SHOP = "https://shop.example/"
SOON_MS = 20_000


def test_a_test_click_is_followed_to_the_user_whom_it_brought(waybill: Waybill, page: Page) -> None:
    add_app(page, "Followed")
    token = waybill.json("token", "create", "--app", "Followed", "--name", "backend")["secret"]

    # Define an event.
    page.get_by_role("link", name="Events").click()
    page.get_by_role("link", name="New event type").click()
    page.get_by_label("Name").fill("Purchase")
    page.get_by_label("Mapping ID").fill("buy")
    page.get_by_role("button", name="Create event type").click()
    expect(page.get_by_text("Purchase is an event type.")).to_be_visible()

    # Make a link, and click it.
    page.get_by_role("link", name="Links").click()
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
    expect(page.get_by_text("arrived", exact=True)).to_be_visible(timeout=SOON_MS)

    # A user comes who names the click.
    click_id = page.locator("#chain code").first.inner_text()
    query = f"s2s_token={token}&user_id=somebody&event_id=buy&click_id={click_id}"
    with urlopen(f"{waybill.url}/postback?{query}", timeout=10) as answer:
        assert answer.status == 200
    expect(page.get_by_text("attributed to Acme / Summer")).to_be_visible(timeout=SOON_MS)

    # Their timeline says the same, and the receipt of their event.
    page.get_by_role("link", name="somebody").click()
    expect(page.get_by_role("img", name="Clicks, events, sessions")).to_be_visible()
    page.get_by_role("row", name="buy").get_by_role("link", name="Receipt").click()
    expect(page.get_by_text("Attribution then")).to_be_visible()
    expect(page.get_by_text("by the click's id")).to_be_visible()
