"""Tests the page of privacy requests: see what is stored, then erase, export, reset or allow."""

import json

import pytest

from console.apps.apps import App
from console.privacy.erasures import list_erasures
from shared.database import Connection
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh

pytestmark = ON_ONE_PAIR
USER = "erika-mustermann"


@pytest.fixture
def at(shop: App, connection: Connection) -> str:
    store(connection, fresh(app_id=shop.id, user_id=USER), fresh(app_id=shop.id, user_id="other"))
    return f"/apps/{shop.id}/privacy"


def test_what_is_stored_is_shown_before_anything_is_erased(
    admin: Browser, at: str, shop: App, connection: Connection
) -> None:
    admin.get(at)
    admin.send(f"{at}/preview", kind="user", id=USER)

    assert "production: erika-mustermann" in admin.text
    assert list_erasures(connection, shop, 10) == []
    admin.send(f"{at}/erase")
    assert admin.path == at
    assert "The erasure was received." in admin.text
    (record,) = list_erasures(connection, shop, 10)
    assert (record.action, record.state) == ("erase", "received")
    assert "mustermann" not in admin.text


def test_a_person_is_downloaded_as_one_file(admin: Browser, at: str) -> None:
    admin.get(at)
    admin.send(f"{at}/preview", kind="user", id=USER)
    admin.send(f"{at}/file")

    (user,) = json.loads(admin.text)["users"]
    assert user["user_id"] == USER
    assert [event["user_id"] for event in user["events"]] == [USER]


def test_a_device_is_reset(admin: Browser, at: str, shop: App, connection: Connection) -> None:
    admin.get(at)
    admin.send(f"{at}/preview", kind="device", id="a-test-device")
    admin.send(f"{at}/reset")

    assert [record.action for record in list_erasures(connection, shop, 10)] == ["reset"]


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("user", "", "Name the person"),
        ("name", "erika", "Name the person"),
        ("device", "0000", "identifies nobody"),
        ("event", "no receipt", "must be a receipt ID"),
    ],
)
def test_an_id_that_cannot_be_one_is_refused_above_the_form(
    admin: Browser, at: str, kind: str, text: str, message: str
) -> None:
    admin.get(at)
    admin.send(f"{at}/preview", kind=kind, id=text)

    assert message in admin.text
    assert "Find a person" in admin.text


def test_only_who_was_erased_is_allowed_again(admin: Browser, at: str) -> None:
    admin.get(at)
    admin.send(f"{at}/preview", kind="user", id="never erased")
    admin.send(f"{at}/allow")

    assert "Nobody with this ID was erased" in admin.text


def test_a_viewer_sees_the_requests_and_no_form(viewer: Browser, at: str) -> None:
    viewer.get(at)

    assert "No requests" in viewer.text
    assert "Find a person" not in viewer.text


def test_the_page_says_whether_addresses_are_truncated_and_the_settings_switch_it(
    admin: Browser, shop: App
) -> None:
    before = admin.get(f"/apps/{shop.id}/privacy").text
    settings = f"/apps/{shop.id}/settings"
    admin.get(settings)
    admin.send(settings, truncate_addresses="1")

    assert "stored as they were sent" in before
    assert "stored truncated" in admin.get(f"/apps/{shop.id}/privacy").text
    assert "What was truncated stays so." in admin.get(settings).text
