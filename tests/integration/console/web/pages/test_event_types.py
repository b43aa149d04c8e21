"""Tests the page of events: event types, and the event IDs received without one."""

from typing import Any

import pytest

from console.apps.apps import App
from console.apps.event_types import list_event_types
from console.apps.unmapped_events import list_unmapped
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.rq_queue import waiting_jobs
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.fresh import fresh
from workers.facts.backfill_event_types import backfill_event_types
from workers.facts.record import record

pytestmark = ON_ONE_PAIR
MARKUP = "<b>\"buy'&amp;</b>"


@pytest.fixture
def at(shop: App) -> str:
    return f"/apps/{shop.id}/events"


def receive(connection: Connection, app: App, *event_ids: str, **more: Any) -> None:
    record(connection, [fresh(app_id=app.id, event_id=event_id, **more) for event_id in event_ids])


def test_what_is_unmapped_is_listed_most_frequent_first(
    connection: Connection, shop: App, admin: Browser, at: str
) -> None:
    now = now_ms()
    receive(connection, shop, "buy", "register", "__open", event_time_ms=now)
    receive(connection, shop, "buy", event_time_ms=now - 1_000)
    receive(connection, shop, "test", environment="sandbox")

    unmapped = list_unmapped(connection, shop, "production", 10)
    admin.get(at)

    assert [(group.event_id, group.events) for group in unmapped] == [("buy", 2), ("register", 1)]
    assert (unmapped[0].last_time - unmapped[0].first_time).total_seconds() == 1
    assert "Create event type for buy" in admin.text
    assert "Create event type for test" not in admin.text
    admin.get(f"{at}?environment=sandbox")
    assert "Create event type for test" in admin.text


def test_a_new_event_type_enqueues_the_backfill_of_earlier_events_at_once(
    connection: Connection, resources: Resources, shop: App, admin: Browser, at: str
) -> None:
    receive(connection, shop, "buy")
    admin.get(f"{at}/new?mapping_id=buy")
    assert admin.page.forms[-1].fields["mapping_id"] == "buy"

    admin.send(f"{at}/new", name="Purchase", unique="1")

    (event_type,) = list_event_types(connection, shop)
    assert (event_type.name, event_type.mapping_id, event_type.unique) == ("Purchase", "buy", True)
    assert event_type.event_token in admin.text
    assert waiting_jobs(resources.redis) == 1
    backfill_event_types(connection, 1)
    assert list_unmapped(connection, shop, "production", 10) == []
    admin.get(at)
    assert "All events received in production have an event type." in admin.text


def test_a_mapping_id_that_is_taken_is_refused_with_what_was_typed(admin: Browser, at: str) -> None:
    for _ in range(2):
        admin.get(f"{at}/new")
        result = admin.send(f"{at}/new", name="Purchase", mapping_id="buy")

    assert result.status_code == 422
    assert "has an event type with this mapping ID" in admin.text
    assert admin.page.forms[-1].fields["mapping_id"] == "buy"


def test_event_ids_of_senders_are_shown_as_text_and_survive_the_way_to_the_form(
    connection: Connection, shop: App, admin: Browser, at: str
) -> None:
    receive(connection, shop, MARKUP)

    assert "<b>" not in admin.get(at).text
    assert MARKUP in admin.text
    admin.get(f"{at}/new?mapping_id=%3Cb%3E%22buy%27%26amp%3B%3C%2Fb%3E")
    assert admin.page.forms[-1].fields["mapping_id"] == MARKUP


def test_a_viewer_sees_events_and_no_way_to_map_them(
    connection: Connection, shop: App, viewer: Browser, at: str
) -> None:
    receive(connection, shop, "buy")

    viewer.get(at)

    assert "buy" in viewer.text
    assert "Create event type" not in viewer.text
    assert viewer.get(f"{at}/new").status_code == 403


def test_multiple_postbacks_are_chosen_and_switched(
    connection: Connection, shop: App, admin: Browser, at: str
) -> None:
    admin.get(f"{at}/new")
    admin.send(f"{at}/new", mapping_id="buy", name="Purchase", multiple="1")
    (event_type,) = list_event_types(connection, shop)
    assert event_type.multiple_postbacks

    admin.send(f"{at}/{event_type.id}/postbacks")

    assert not list_event_types(connection, shop)[0].multiple_postbacks
    assert "Multiple postbacks of Purchase are off." in admin.text
    admin.send(f"{at}/{event_type.id}/postbacks", multiple="1")
    assert list_event_types(connection, shop)[0].multiple_postbacks
