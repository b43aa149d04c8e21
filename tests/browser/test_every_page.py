"""Checks every page for accessibility: on a phone, by keyboard alone, light and dark."""

import json
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState, ViewportSize

from tests.system.product import Waybill

WIDE, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=360, height=740)
SERIOUS = {"serious", "critical"}
PAGES = (
    *("/apps", "/apps/new", "/people", "/keys", "/account", "/account/second-factor", "/nowhere"),
    *(
        "APP",
        "APP/settings",
        "/partners",
        "PARTNER",
        "TYPE",
        "APP/events/log",
        "APP/events/log?q=some",
        "APP/events",
        "APP/events/new",
        "APP/reports",
        "APP/reports?split=partner&split=country&by=total&country!=DE&campaign=summer",
        "APP/reports?split=partner&by=total&compare=previous&sort=difference&measure=installs",
    ),
    *("APP/reports/activity", "APP/reports/retention", "APP/reports/costs", "APP/reports/cohorts"),
    "/receipts/019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81",
    *("APP/protection?inactive=1", "APP/protection/tokens/new", "TOKEN"),
    *("APP/protection/enforcement", "APP/protection/log"),
    *("APP/integration", "APP/integration?language=python", "APP/links", "APP/links/new"),
    *("LINK", "LINK/test?mark=019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81", "APP/users", "APP/privacy"),
    *("APP/why", "APP/why?q=somebody", "APP/how-attribution-works", "LINK/day?day=2026-11-28"),
    *("APP/callbacks", "APP/callbacks/new", "APP/callbacks/log"),
    *("APP/alerts", "APP/alerts/new", "ALERT", "ALERT/edit"),
    *("APP/reports/schedules", "APP/reports/schedules/new", "SCHEDULE", "SCHEDULE/edit"),
    *("CALLBACK", "CALLBACK/edit", "CALLBACK/trial?mark=019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81"),
    *("APP/users/timeline?user_id=somebody", "RECEIPT", "/operations", "/operations/quarantine"),
    *(
        "/operations/jobs",
        "/audit",
        "/audit?action=token",
        "/audit/chain",
        "APP/past",
        "APP/integration?minutes=10",
    ),
    *("/rq", "/rq/0/view/workers", "/rq/0/view/jobs", "/rq/0/view/jobs/pipeline/failed/8/asc/1"),
    "JOB",
)


@pytest.fixture(scope="module")
def places(waybill: Waybill) -> dict[str, str]:
    """Creates an app with one of everything; returns the paths of its pages."""
    app = waybill.json("app", "create", "--name", "Everything")["app"]["id"]
    for name, *scopes in (("backend", "events", "sessions"), ("old", "ad_revenue")):
        options = [option for scope in scopes for option in ("--scope", scope)]
        token = waybill.json("token", "create", "--app", "Everything", "--name", name, *options)
    inactive_token = token
    waybill.json("token", "deactivate", "--app", "Everything", "old")
    event_type = waybill.json(
        *("event-type", "create", "--app", "Everything", "--mapping-id", "purchase"),
        *("--name", "Purchase"),
    )
    endpoint = waybill.json(
        *("callback", "create", "--app", "Everything", "--partner", "Acme", "--name", "Acme"),
        *("--level", "both", "--url", "https://acme.example/cb?click=#{click.publisher.clickId}"),
    )
    alert = waybill.json(
        *("alert", "create", "--app", "Everything", "--name", "Ada", "--channel", "mail"),
        *("--target", "ada@example.com"),
    )
    schedule = waybill.json(
        *("schedule", "create", "--app", "Everything", "--name", "Daily", "--channel", "webhook"),
        *("--target", "https://receiver.invalid/reports", "--query", "split=partner"),
    )
    link = waybill.json(
        *("link", "create", "--app", "Everything", "--partner", "Acme", "--name", "Summer"),
        *("--destination", "https://shop.example/"),
    )
    secret = waybill.json("token", "create", "--app", "Everything", "--name", "sender")["secret"]
    query = f"s2s_token={secret}&user_id=somebody&event_id=__open"
    with urlopen(f"{waybill.url}/postback?{query}", timeout=60) as answer:
        receipt = json.load(answer)["id"]
    waybill.recorded_event(receipt)
    waybill.json("admin", "create", "--role", "viewer", "Vera")
    waybill.json("key", "create", "nightly export")
    return {
        "APP": f"/apps/{app}",
        "TOKEN": f"/apps/{app}/protection/tokens/{inactive_token['token']['id']}",
        "ALERT": f"/apps/{app}/alerts/{alert['destination']['id']}",
        "SCHEDULE": f"/apps/{app}/reports/schedules/{schedule['schedule']['id']}",
        "CALLBACK": f"/apps/{app}/callbacks/{endpoint['endpoint']['id']}",
        "PARTNER": f"/partners/{waybill.json('partner', 'list')['partners'][0]['id']}",
        "TYPE": f"/apps/{app}/events/{event_type['event_type']['id']}",
        "LINK": f"/apps/{app}/links/{link['link']['id']}",
        "RECEIPT": f"/receipts/{receipt}",
    }


def finished_job(page: Page) -> str:
    """Returns the path of a job that RQ still has: they are deleted within a minute."""
    jobs = page.request.get("/rq/0/data/jobs/pipeline/finished/8/dsc/1.json").json()["jobs"]
    return f"/rq/0/view/job/{jobs[0]['id']}"


def go(page: Page, name: str, places: dict[str, str]) -> None:
    """Opens a page. RQ's pages load their data later: they are ready with their first row."""
    page.goto(finished_job(page) if name == "JOB" else address(name, places))
    if "/rq" in page.url:
        page.locator("tbody tr:not([data-role=loading-placeholder]), #job-data p").first.wait_for()


def address(name: str, places: dict[str, str]) -> str:
    for short, path in places.items():
        if name.startswith(short):
            return name.replace(short, path, 1)
    return name


@pytest.fixture(scope="module", params=["light", "dark"])
def themed_page(
    request: pytest.FixtureRequest, waybill: Waybill, chromium: Browser, signed_in: StorageState
) -> Iterator[Page]:
    context = chromium.new_context(
        base_url=waybill.console_url,
        storage_state=signed_in,
        color_scheme=request.param,
        bypass_csp=True,  # axe is not part of the page
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_serious_accessibility_violation(
    themed_page: Page, places: dict[str, str], name: str
) -> None:
    for size in (WIDE, PHONE):
        themed_page.set_viewport_size(size)
        go(themed_page, name, places)
        violations = Axe().run(themed_page).response["violations"]

        serious = [
            (violation["id"], [node["html"][:200] for node in violation["nodes"]])
            for violation in violations
            if violation["impact"] in SERIOUS
        ]
        assert serious == []


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_a_phone(page: Page, places: dict[str, str], name: str) -> None:
    page.set_viewport_size(PHONE)
    go(page, name, places)

    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_console_can_be_used_by_keyboard_alone(page: Page) -> None:
    page.goto("/apps")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


def test_on_a_phone_the_menu_opens_and_leads_on(page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/apps")
    assert not page.get_by_role("link", name="People").is_visible()

    page.get_by_text("Menu").click()
    page.get_by_role("link", name="People").click()

    page.wait_for_url("**/people")


def test_times_name_their_zone(page: Page) -> None:
    page.goto("/people")

    for text in page.locator("time").all_inner_texts():
        assert text.endswith(" UTC")
