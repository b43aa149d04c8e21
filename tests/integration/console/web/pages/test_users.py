"""Tests the pages of users and of receipts: search, timeline, state of an event."""

from urllib.parse import quote

import pytest

from console.apps.apps import App
from shared.clock import now_ms
from shared.database import Connection
from shared.device_ids import adid_of
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh

pytestmark = ON_ONE_PAIR
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
IDFV = "5A1E6D70-7C1B-4D64-9F2F-0D9F6F1B2A3C"
MINUTE_MS = 60_000


@pytest.fixture
def came_ms() -> int:
    return now_ms() - 10 * MINUTE_MS


@pytest.fixture
def story(connection: Connection, shop: App, came_ms: int) -> tuple[Event, Event, Event]:
    """Stores a click, the open attributed to it, and a purchase in the same session."""
    receipt = new_receipt(came_ms - MINUTE_MS)
    click = fresh(
        app_id=shop.id,
        kind=Kind.CLICK,
        receipt=receipt,
        received_at_ms=came_ms - MINUTE_MS,
        click_id=click_id_of(receipt),
        user_id="",
        event_id="",
        device_ids={"idfv": IDFV},
        parameters={"site": "blog", "campaign": MARKUP},
    )
    opened = fresh(
        app_id=shop.id,
        user_id="u/1 &",
        event_id="__open",
        kind=Kind.OPEN,
        event_time_ms=came_ms,
        device_ids={"idfv": IDFV},
    )
    bought = fresh(
        app_id=shop.id,
        user_id="u/1 &",
        event_id="buy",
        event_time_ms=came_ms + MINUTE_MS,
        event_value=MARKUP,
        user_agent=MARKUP,
    )
    store(connection, click, opened, bought)
    return click, opened, bought


def test_a_user_is_found_by_any_id(
    story: tuple[Event, Event, Event], shop: App, admin: Browser
) -> None:
    for text in ("u/1 &", IDFV, adid_of(shop.id, "u/1 &")):
        admin.get(f"/apps/{shop.id}/users?q={quote(text)}")
        assert admin.path == f"/apps/{shop.id}/users/timeline", text
        assert "User u/1 &" in admin.text
    for click_or_event in (story[0].click_id, str(story[2].receipt)):
        admin.get(f"/apps/{shop.id}/users?q={click_or_event}")
        assert admin.path.startswith("/receipts/")


@pytest.mark.usefixtures("story")
def test_what_is_nowhere_is_said_and_shown_as_text(shop: App, admin: Browser) -> None:
    markup = admin.get(f"/apps/{shop.id}/users?q={quote(MARKUP)}").text

    assert "No results" in admin.text
    assert "<img src=x" not in markup
    admin.get(f"/apps/{shop.id}/users?environment=sandbox&q={IDFV}")
    assert "Nothing in sandbox" in admin.text


@pytest.mark.usefixtures("story")
def test_a_timeline_is_shown_as_a_picture_and_in_words(shop: App, admin: Browser) -> None:
    markup = admin.get(f"/apps/{shop.id}/users/timeline?user_id=u%2F1+%26").text

    for lane in ("clicks", "events", "sessions", "attributions"):
        assert f'class="mark {lane}"' in markup
    assert "device ID" in admin.text
    assert "opens: 1, other events: 1" in admin.text
    assert "<img src=x" not in markup


def test_a_receipt_shows_the_attribution_and_the_session_of_its_event(
    story: tuple[Event, Event, Event], admin: Browser
) -> None:
    click, _, bought = story

    markup = admin.get(f"/receipts/{bought.receipt}").text

    assert "recorded" in admin.text
    assert f"click {click.click_id}" in admin.text
    assert "Session started" in admin.text
    assert "<img src=x" not in markup
    assert MARKUP in admin.text


def test_the_receipt_of_a_click_shows_the_users_attributed_to_it(
    story: tuple[Event, Event, Event], admin: Browser
) -> None:
    admin.get(f"/receipts/{story[0].receipt}")

    assert "Attributed users u/1 &" in admin.text


@pytest.mark.parametrize("receipt", ["1", "no'thing", "01a214a3-d8e2-7bda-9699-0b6761feb9c3"])
def test_a_receipt_of_nothing_is_said_to_be_one(admin: Browser, receipt: str) -> None:
    result = admin.get(f"/receipts/{receipt}")

    assert result.status_code in {200, 422}
    assert "not a receipt ID" in admin.text or "nothing has this receipt ID" in admin.text


def test_an_unknown_user_is_said_to_be_one(shop: App, admin: Browser) -> None:
    result = admin.get(f"/apps/{shop.id}/users/timeline?user_id=nobody")

    assert result.status_code == 422
    assert "Nothing of this user is stored" in admin.text
