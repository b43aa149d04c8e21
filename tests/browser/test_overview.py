"""Sends a test event from the overview of a new app, and follows it to its row."""

from playwright.sync_api import Page, expect

from tests.system.product import Waybill


def test_a_test_event_is_sent_from_the_overview_and_followed_until_it_is_stored(
    waybill: Waybill, page: Page
) -> None:
    app = waybill.json("app", "create", "--name", "Led")["app"]["id"]
    page.goto(f"/apps/{app}")
    expect(page.get_by_text("1 of 7")).to_be_visible()

    page.get_by_role("button", name="Send a test event").click()

    page.wait_for_url("**/receipts/*")
    expect(page.get_by_text("Ingest accepted the test event __open")).to_be_visible()
    expect(page.get_by_role("heading", name="Status recorded")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("sandbox", exact=True).first).to_be_visible()
    page.goto(f"/apps/{app}")
    expect(page.get_by_text("2 of 7")).to_be_visible()
    tokens = waybill.json("token", "list", "--app", "Led")["tokens"]
    assert [token["state"] for token in tokens] == ["revoked"]
