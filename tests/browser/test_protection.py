"""Walks through all steps of Adjust's page on S2S security in a browser."""

import json
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from playwright.sync_api import Page, expect

from tests.system.product import Waybill
from tests.system.servers import until


def send(waybill: Waybill, token: str | None, **fields: str) -> tuple[int, str]:
    """Sends an event in Adjust's dialect; returns the status and the body of the answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = urlencode({"s2s": "1", "idfv": "DEVICE", **fields}).encode()
    try:
        with urlopen(Request(f"{waybill.url}/event", body, headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def add_app(page: Page, name: str) -> str:
    """Creates an app on the pages and returns its URL."""
    page.goto("/apps")
    page.get_by_role("link", name="New app").or_(
        page.get_by_role("link", name="Create the first app")
    ).first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create app").click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    return page.url


def open_authentication(page: Page) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Authentication").click()


def test_a_token_is_added_used_enforced_edited_and_deactivated(
    waybill: Waybill, page: Page
) -> None:
    app = add_app(page, "Protected")
    app_token = page.locator("code").first.inner_text()
    event_type = waybill.json(
        *("event-type", "create", "--app", "Protected", "--mapping-id", "purchase"),
        *("--name", "Purchase"),
    )
    event = {"app_token": app_token, "event_token": event_type["event_type"]["event_token"]}

    # Add a scoped token, copy it, close.
    open_authentication(page)
    page.get_by_role("link", name="Add token").click()
    page.get_by_label("Token name").fill("backend")
    page.get_by_role("checkbox", name="Events event data").check()
    page.get_by_role("button", name="Add token").click()
    shown = page.locator("#token").inner_text()
    page.get_by_role("button", name="Copy token and close").click()
    page.wait_for_url("**/protection")
    token = str(page.evaluate("navigator.clipboard.readText()"))
    assert token == shown
    assert token not in page.content()

    # Send its first event, and one without any token.
    assert send(waybill, token, **event)[0] == 200
    assert send(waybill, None, **event)[0] == 200
    page.goto(f"{app}/integration")
    arrived = page.get_by_role("row").filter(has_text="/event")
    expect(arrived.filter(has_text="backend")).to_contain_text("200")
    expect(arrived.filter(has_text="none")).to_contain_text("would be refused")

    # Turn authentication on, after its warning.
    open_authentication(page)
    page.get_by_role("link", name="Turn on").click()
    expect(page.locator("#warning")).to_contain_text("only requests with a configured token")
    expect(page.get_by_role("checkbox", name="Events covered by backend")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Sessions")).not_to_be_checked()
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("status")).to_contain_text("Authentication is on")

    # An unauthorised sender is refused, and the page shows it.
    until(lambda: send(waybill, None, **event)[0] == 401, 5, "enforcement at ingest")
    assert send(waybill, token, **event)[0] == 200
    page.goto(f"{app}/integration")
    refused = page.get_by_role("row").filter(has_text="unauthorized").first
    expect(refused).to_contain_text("401")
    expect(refused).to_contain_text("none")

    # Edit its scopes.
    open_authentication(page)
    page.get_by_role("link", name="Edit backend").click()
    page.get_by_role("checkbox", name="Ad revenue").check()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("row", name="backend")).to_contain_text("Ad revenue")

    # Deactivate it: it was the last token, so enforcement is turned off with it.
    page.get_by_role("switch", name="backend is active").click()
    expect(page.get_by_role("status")).to_contain_text("authentication is turned off")
    page.get_by_role("link", name="Show inactive tokens").click()
    expect(page.get_by_role("switch", name="backend is active")).not_to_be_checked()

    # The audit log contains all of it.
    page.goto(f"{app}/protection/log")
    for action in ("token.create", "enforcement", "token.scopes", "token.deactivate"):
        expect(page.get_by_role("cell", name=action).first).to_be_visible()
    assert json.dumps(token) not in page.content()


def test_a_token_is_added_without_javascript(waybill: Waybill, plain: Page) -> None:
    add_app(plain, "Plain")
    app_token = plain.locator("code").first.inner_text()
    open_authentication(plain)
    plain.get_by_role("link", name="Add token").click()
    plain.get_by_label("Token name").fill("backend")
    plain.get_by_role("checkbox", name="Everything").check()
    plain.get_by_role("button", name="Add token").click()
    token = plain.locator("#token").inner_text()
    plain.get_by_role("link", name="Close").click()
    expect(plain.get_by_role("row", name="backend")).to_be_visible()

    status, _ = send(waybill, token, app_token=app_token, event_token="unknown")

    assert status != 401
