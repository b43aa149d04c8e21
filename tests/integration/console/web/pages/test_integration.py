"""Tests the page of the integration check: requests, issues, and code samples."""

import html

import pytest

from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.resources import Resources
from shared.clock import now_ms
from tests.integration.console.security.test_integration_check import came
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.build import ADMIN
from tests.unit.console.security.test_code_samples import BASE

pytestmark = ON_ONE_PAIR
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def at(shop: App) -> str:
    return f"/apps/{shop.id}/integration"


def test_before_the_first_request_it_says_what_to_do(admin: Browser, at: str) -> None:
    markup = admin.get(at).text

    assert "No requests yet" in admin.text
    assert 'data-live="2"' in markup


def test_a_request_links_to_its_event(
    resources: Resources, shop: App, admin: Browser, at: str
) -> None:
    create_event_type(resources, ADMIN, shop, NewEventType("g3mfiw", "Purchase"))
    came(resources, shop, event_id="g3mfiw", receipt="01a214a3-d8e2-7bda-9699-0b6761feb9c3")

    markup = admin.get(at).text

    assert "All good" in admin.text
    assert 'href="/receipts/01a214a3-d8e2-7bda-9699-0b6761feb9c3"' in markup


def test_issues_are_shown_without_commands_and_as_text(
    resources: Resources, shop: App, admin: Browser, at: str
) -> None:
    came(resources, shop, event_id=MARKUP)

    markup = admin.get(at).text

    assert "Issues" in admin.text
    assert f"/event reports the event ID {MARKUP}" in admin.text
    assert "waybill event-type" not in admin.text
    assert "<img src=x" not in markup


@pytest.mark.parametrize("dialect", ["swaarm", "adjust"])
@pytest.mark.parametrize("language", ["curl", "python", "php", "node"])
def test_code_has_this_apps_ids(
    resources: Resources, shop: App, admin: Browser, at: str, dialect: str, language: str
) -> None:
    create_event_type(resources, ADMIN, shop, NewEventType("buy", "Purchase", "tok123"))

    code = html.unescape(admin.get(f"{at}?dialect={dialect}&language={language}").text)

    assert BASE in code
    assert ("tok123" if dialect == "adjust" else "buy") in code
    assert "WAYBILL_TOKEN" in code


def test_code_in_no_language_is_refused(admin: Browser, at: str) -> None:
    assert admin.get(f"{at}?language=cobol").status_code == 400


def test_only_requests_of_the_last_minutes_are_evaluated_when_so_many_are_chosen(
    resources: Resources, shop: App, admin: Browser, at: str
) -> None:
    came(resources, shop, event_id="unknown", at_ms=now_ms() - 30 * 60_000)

    admin.get(f"{at}?minutes=10")
    assert "No requests in this time" in admin.text
    markup = admin.get(f"{at}?minutes=60").text

    assert "Latest requests" in admin.text
    assert 'href="?minutes=60&amp;dialect=swaarm' in markup
    for text in ("0", "10081", "x", "-1", "1" * 30):
        assert admin.get(f"{at}?minutes={text}").status_code == 400
