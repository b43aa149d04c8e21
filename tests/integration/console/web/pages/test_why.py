"""The page "Why is this organic?" and that of a link's day."""

from console.apps.apps import App
from console.apps.links import NewLink, create_link
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR


def test_the_page_explains_an_organic_install_click_by_click(
    viewer: Browser, resources: Resources, connection: Connection, shop: App
) -> None:
    link = create_link(resources, ADMIN, shop, NewLink("Acme", "Spring", "https://shop.example/"))
    came_ms = now_ms() - 60_000
    receipt = new_receipt(came_ms - 60_000)
    agent = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/99 Mobile"
    clicked = fresh(
        app_id=shop.id,
        kind=Kind.CLICK,
        receipt=receipt,
        received_at_ms=came_ms - 60_000,
        click_id=click_id_of(receipt),
        link_id=link.id,
        user_id="",
        event_id="",
        ip_address="203.0.113.7",
        user_agent=agent,
    )
    told = {"os_name": "android", "os_version": "15", "device_name": "Pixel 8"}
    opened = fresh(
        app_id=shop.id,
        user_id="u/1 &",
        event_id="__open",
        kind=Kind.OPEN,
        event_time_ms=came_ms,
        ip_address="203.0.113.7",
        parameters=told,
    )
    store(connection, clicked, opened)

    page = viewer.get(f"/apps/{shop.id}/why?q=u%2F1+%26").text

    assert "organic" in page
    assert "Acme / Spring" in page
    assert "the same address and platform, but another version of the system" in page
    assert "It would have counted if" in page
    assert "must be a public IP address" in viewer.get(f"/apps/{shop.id}/why?time=2026-01-01").text
    assert "Nothing in production fits" in viewer.get(f"/apps/{shop.id}/why?q=nobody").text
    day = viewer.get(f"/apps/{shop.id}/links/{link.id}/day?day=2020-01-01").text
    assert "0 clicks and 0 installs (0 of them from impressions) of Spring on 2020-01-01" in day
    assert viewer.get(f"/apps/{shop.id}/links/999/day?day=2020-01-01").status_code == 404
    assert viewer.get(f"/apps/{shop.id}/links/{link.id}/day?day=never").status_code == 422
