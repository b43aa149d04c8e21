"""Tests the pages of events and of users seen last: what they show, and where it leads."""

import json

import pytest

from console.apps.apps import App, create_app
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.redis import Redis
from shared.rejections import Rejection, encode_rejection
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES

pytestmark = ON_ONE_PAIR


@pytest.fixture
def at(shop: App) -> str:
    return f"/apps/{shop.id}/events/log"


def test_an_event_is_found_by_what_was_sent_and_leads_to_its_user_and_its_json(
    connection: Connection, shop: App, viewer: Browser, at: str
) -> None:
    event = fresh(
        app_id=shop.id, user_id="<b>eve</b>", parameters={"order": "4711"}, event_id="purchase"
    )
    store(connection, event, fresh(app_id=shop.id, user_id="other", parameters={"order": "1"}))

    markup = viewer.get(f"{at}?q=4711").text

    assert "<b>eve</b>" in viewer.text
    assert "<b>eve</b>" not in markup
    assert ">other</a>" not in markup
    assert f'href="/receipts/{event.receipt}"' in markup
    assert "user_id=%3Cb%3Eeve%3C/b%3E" in markup
    viewer.get(f"/receipts/{event.receipt}")
    assert '"order": "4711"' in viewer.text
    document = json.loads(viewer.get(f"{at}.json?q=4711").text)
    assert [listed["receipt"] for listed in document["events"]] == [str(event.receipt)]
    assert document["after"] is None


def test_an_invalid_filter_is_left_out_and_said(
    connection: Connection, shop: App, viewer: Browser, at: str
) -> None:
    store(connection, fresh(app_id=shop.id, user_id="eve"))

    result = viewer.get(f"{at}?country=Atlantis&user=eve")

    assert result.status_code == 200
    assert "There is no country with this name." in viewer.text
    assert "eve" in viewer.text


def test_what_is_missing_may_have_been_refused_and_the_page_says_so(
    redis: Redis, resources: Resources, shop: App, viewer: Browser, at: str
) -> None:
    other = create_app(resources, ADMIN, "Other")
    for app_id, order in ((shop.id, "4711"), (shop.id, "8"), (other.id, "4711-other")):
        refused = Rejection(
            now_ms(), "/postback", "GET", 400, "malformed", "sale_amount", app_id, {"order": order}
        )
        redis.xadd(NAMES.rejections, {"r": encode_rejection(refused)})
    viewer.get(f"{at}?q=4711")

    assert "Refused requests that contain it" in viewer.text
    assert "400 malformed (sale_amount), order 4711" in viewer.text
    assert "4711-other" not in viewer.text
    assert "order 8" not in viewer.text


def test_a_key_is_found_however_old_its_event_is(
    connection: Connection, shop: App, viewer: Browser, at: str
) -> None:
    event = fresh(app_id=shop.id, idempotency_key="order-4711")
    store(connection, event)
    viewer.get(f"{at}?q=order-4711&to=2020-01-01")

    assert "Has this ID" in viewer.text
    assert f"Receipt ID {event.receipt}" in viewer.text


def test_users_seen_last_are_listed_and_the_head_of_a_user_says_who_it_is(
    connection: Connection, shop: App, viewer: Browser
) -> None:
    store(connection, fresh(app_id=shop.id, user_id="eve", event_id="purchase"))

    viewer.get(f"/apps/{shop.id}/users")
    assert "Recently seen" in viewer.text
    assert "(organic)" in viewer.text

    viewer.get(f"/apps/{shop.id}/users/timeline?user_id=eve")
    assert "They are organic: no click or impression matched this user." in viewer.text
    assert "Their last event was purchase" in viewer.text
