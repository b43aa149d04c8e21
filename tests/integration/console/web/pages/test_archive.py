"""Tests the forms that rename, archive and restore."""

import pytest

from console.apps.apps import App, app_with_id
from console.apps.event_types import NewEventType, create_event_type
from console.apps.links import Link, NewLink, create_link, find_partner
from console.resources import Resources
from shared.database import Connection
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR


@pytest.fixture
def link(resources: Resources, shop: App) -> Link:
    new = NewLink("Acme", "Summer", "https://shop.example/")
    return create_link(resources, ADMIN, shop, new)


def test_an_app_is_archived_once_its_name_was_typed_and_can_be_restored(
    connection: Connection, shop: App, admin: Browser
) -> None:
    settings = f"/apps/{shop.id}/settings"
    admin.get(settings)
    refused = admin.send(f"/apps/{shop.id}/archive", confirm="shop")
    assert refused.status_code == 422
    assert "Type the name to confirm: Shop" in admin.text

    admin.get(settings)
    admin.send(f"/apps/{shop.id}/archive", confirm="Shop")
    assert "This app is archived" in admin.text
    admin.get("/apps")
    assert "Show archived apps (1)" in admin.text
    admin.get("/apps?archived=1")
    assert "Shop archived" in admin.text

    admin.get(settings)
    admin.send(f"/apps/{shop.id}/restore")
    restored = app_with_id(connection, shop.id)
    assert restored is not None
    assert restored.archived_at is None


def test_a_link_is_led_elsewhere_renamed_archived_and_restored(
    shop: App, admin: Browser, link: Link
) -> None:
    path = f"/apps/{shop.id}/links/{link.id}"
    admin.get(path)
    admin.send(path, name="Winter", destination="https://winter.example/")
    assert "Winter is saved." in admin.text
    assert "https://winter.example/" in admin.text

    admin.send(f"{path}/archive")
    assert "Winter is archived. Whoever follows it is still redirected" in admin.text
    admin.get(f"/apps/{shop.id}/links")
    assert "Winter" not in admin.text
    admin.get(f"/apps/{shop.id}/links?archived=1")
    assert "Winter archived" in admin.text

    admin.get(path)
    admin.send(f"{path}/restore")
    assert "Winter is restored." in admin.text


def test_a_refused_name_is_shown_again_with_the_reason(
    shop: App, admin: Browser, link: Link
) -> None:
    path = f"/apps/{shop.id}/links/{link.id}"
    admin.get(path)

    result = admin.send(path, name="(organic)", destination=link.destination)

    assert result.status_code == 422
    assert "reports use such names themselves" in admin.text


def test_a_partner_is_renamed_paused_and_restored(
    connection: Connection, admin: Browser, viewer: Browser, link: Link
) -> None:
    partner = find_partner(connection, link.partner)
    path = f"/partners/{partner.id}"
    admin.get("/partners")
    assert "Acme" in admin.text
    admin.get(path)
    admin.send(path, name="Acme Ads")
    assert "The partner is called Acme Ads from now on" in admin.text

    admin.send(f"{path}/archive")
    assert "Acme Ads is paused and archived." in admin.text
    viewer.get("/partners")
    assert "paused" in viewer.text
    viewer.get(path)
    assert "Restore partner" not in viewer.text

    admin.send(f"{path}/restore")
    assert find_partner(connection, "Acme Ads").archived_at is None


def test_an_event_type_is_renamed_archived_and_restored(
    resources: Resources, shop: App, admin: Browser
) -> None:
    kind = create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase"))
    path = f"/apps/{shop.id}/events/{kind.id}"
    admin.get(path)
    admin.send(path, name="Order")
    assert "The event type is called Order from now on" in admin.text
    admin.send(f"{path}/archive")
    assert "Its events count on" in admin.text
    admin.get(f"/apps/{shop.id}/events")
    assert "Show archived event types (1)" in admin.text
    admin.get(path)
    admin.send(f"{path}/restore")
    assert "Order is restored." in admin.text


def test_a_page_of_nothing_is_not_found(shop: App, admin: Browser) -> None:
    for path in ("/partners/99", f"/apps/{shop.id}/events/99"):
        assert admin.get(path).status_code == 404
