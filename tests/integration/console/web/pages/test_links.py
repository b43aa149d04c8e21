"""Tests the pages of links: create one, and follow a test click to its attribution."""

import re
from uuid import UUID

import pytest

from console.apps.apps import App
from console.apps.links import list_links
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh

pytestmark = ON_ONE_PAIR


@pytest.fixture
def at(shop: App) -> str:
    return f"/apps/{shop.id}/links"


@pytest.fixture
def link(admin: Browser, at: str) -> str:
    """Creates a link on the page; returns its path."""
    admin.get(f"{at}/new")
    admin.send(f"{at}/new", partner="Acme", name="Summer", destination="https://shop.example/")
    return admin.path


def clicked(app: App, link: str, **parameters: str) -> Event:
    receipt = new_receipt(now_ms())
    return fresh(
        app_id=app.id,
        receipt=receipt,
        kind=Kind.CLICK,
        click_id=click_id_of(receipt),
        link_id=int(link.rpartition("/")[2]),
        user_id="",
        event_id="",
        parameters=parameters,
        user_agent="<img src=x onerror=alert(1)>",
    )


def test_a_link_is_made_and_shown_with_its_tracking_link(
    connection: Connection, shop: App, admin: Browser, link: str, at: str
) -> None:
    (created,) = list_links(connection, shop)

    assert link == f"{at}/{created.id}"
    assert (created.partner, created.name) == ("Acme", "Summer")
    assert "https://events.test/click?offer_id=1&pub_id=1" in admin.text
    admin.get(at)
    assert "https://events.test/click?offer_id=1&pub_id=1" in admin.text


def test_a_destination_that_is_none_is_refused_with_the_reason(admin: Browser, at: str) -> None:
    admin.get(f"{at}/new")

    result = admin.send(f"{at}/new", partner="Acme", name="Summer", destination="javascript:x")

    assert result.status_code == 422
    assert "Destination" in admin.text


def test_a_test_click_is_followed_from_its_arrival_to_its_user(
    connection: Connection, shop: App, admin: Browser, link: str
) -> None:
    markup = admin.get(link).text
    match = re.search(r'name="mark" value="([^"]+)"', markup)
    assert match
    waiting = f"{link}/test?mark={match[1]}"
    assert f"pub_click_id={match[1]}" in admin.get(waiting).text
    assert "Arrival waiting" in admin.text

    click = clicked(shop, link, pub_click_id=match[1])
    store(connection, clicked(shop, link, pub_click_id="another"), click)
    markup = admin.get(waiting).text
    assert "Arrival received" in admin.text
    assert f"click_id={click.click_id}" in admin.text
    assert "<img src=x" not in markup

    opened = fresh(app_id=shop.id, user_id="test-1", event_id="", click_id=click.click_id)
    store(connection, opened)
    admin.get(waiting)
    assert "Attribution attributed" in admin.text
    assert "attributed to Acme / Summer" in admin.text


def test_a_mark_that_is_none_is_refused(admin: Browser, link: str) -> None:
    assert admin.get(f"{link}/test?mark=1'--").status_code == 422
    for digit in "0f":
        waits = admin.get(f"{link}/test?mark={UUID(digit * 32)}")
        assert waits.status_code == 200
        assert "Arrival waiting" in admin.text


def test_a_link_of_another_app_is_not_found(admin: Browser, link: str) -> None:
    admin.get("/apps/new")
    admin.send("/apps/new", name="Other")
    number = link.rpartition("/")[2]

    assert admin.get(f"{admin.path}/links/{number}").status_code == 404


def test_a_viewer_may_try_a_link_and_make_none(viewer: Browser, link: str) -> None:
    assert viewer.get(link).status_code == 200
    assert viewer.get(f"{link.rpartition('/')[0]}/new").status_code == 403


def test_the_names_of_a_networks_fields_are_saved_and_shown_and_a_blank_one_is_the_usual(
    connection: Connection, shop: App, admin: Browser, link: str
) -> None:
    admin.get(link)
    assert "/conversion?offer_id=1&pub_id=1" in admin.text
    admin.send(f"{link}/postback-names", click_id=" aff_sub3 ", amount="commission")

    (saved,) = list_links(connection, shop)
    assert saved.postback_names == {"click_id": "aff_sub3", "amount": "commission"}
    (form,) = (form for form in admin.page.forms if form.action.endswith("/postback-names"))
    assert (form.fields["click_id"], form.fields["status"]) == ("aff_sub3", "")
    admin.send(f"{link}/postback-names", click_id="", amount="sum")
    (saved,) = list_links(connection, shop)
    assert saved.postback_names == {"amount": "sum"}


def test_one_name_for_two_fields_is_refused_and_nothing_is_saved(
    connection: Connection, shop: App, admin: Browser, link: str
) -> None:
    admin.get(link)

    result = admin.send(f"{link}/postback-names", click_id="x", transaction_id="x")

    assert result.status_code == 422
    assert "is the name of another field too" in admin.text
    (saved,) = list_links(connection, shop)
    assert saved.postback_names == {}


def test_a_link_shows_its_days_its_sub_ids_and_how_soon_its_installs_came(
    connection: Connection, shop: App, viewer: Browser, link: str
) -> None:
    assert "Neither clicks nor installs" in viewer.get(link).text
    clicks = [clicked(shop, link, pub_sub_id=name) for name in ("site-4", "site-4", "<b>5</b>")]
    store(
        connection,
        *clicks,
        fresh(app_id=shop.id, user_id="ann", click_id=clicks[0].click_id, event_id="buy"),
    )
    count_all(connection)

    page = viewer.get(link).text

    assert "Neither clicks nor installs" not in page
    assert "33.3%" in page
    assert "Acme · site-4" in page
    assert "Acme · &lt;b&gt;5&lt;/b&gt;" in page
    assert "up to 10 seconds" in page
    report = viewer.get(f"{link.rpartition('/links')[0]}/reports?split=sub_id&by=total").text
    assert "Acme · site-4" in report
    assert "50.0%" in report
