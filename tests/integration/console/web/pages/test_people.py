"""Tests the page of people: invitations, roles, deactivation."""

from collections.abc import Callable

import pytest

from console.accounts.people import find_person
from console.actor import Role
from shared.database import Connection
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR, PASSWORD

pytestmark = ON_ONE_PAIR
BrowserOf = Callable[[str, Role], Browser]


def test_who_is_closed_is_out_at_once_and_cannot_come_back(
    admin: Browser, viewer: Browser, connection: Connection
) -> None:
    number = find_person(connection, "Vera").id
    admin.get("/people")

    admin.send(f"/people/{number}/close")

    assert "Vera is deactivated" in admin.text
    assert not viewer.is_signed_in()
    assert viewer.sign_in("Vera", PASSWORD) == 403


@pytest.mark.parametrize("way", ["close", "role"])
def test_the_last_admin_stays(admin: Browser, connection: Connection, way: str) -> None:
    number = find_person(connection, "Ada").id
    admin.get("/people")

    result = admin.send(f"/people/{number}/{way}")

    assert result.status_code == 422
    assert "No admin who can sign in would be left" in admin.text
    assert admin.is_signed_in()


def test_an_admin_invites_somebody_who_chooses_a_password(
    admin: Browser, stranger: Browser
) -> None:
    admin.get("/people")
    shown = admin.send("/people", name="Bob", role="viewer").text
    link = shown[shown.index("/welcome/wbi_") :].split("<")[0].split('"')[0]

    stranger.get(link)
    stranger.send(link, password=PASSWORD, again=PASSWORD)

    assert stranger.is_signed_in()
    assert stranger.get("/people").status_code == 403
