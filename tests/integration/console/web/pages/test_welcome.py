"""Tests the page of a one-time link."""

from collections.abc import Callable

from console.accounts.invitations import create_invitation, invite_first_admin
from console.accounts.people import create_person
from console.actor import Role
from console.resources import Resources
from shared.database import Connection
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR, PASSWORD, App
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
BrowserOf = Callable[[str, Role], Browser]


def test_the_first_admin_comes_in_by_a_link_that_works_once(
    resources: Resources, stranger: Browser, console: App
) -> None:
    link = invite_first_admin(resources, ADMIN)
    stranger.get(link)
    stranger.get(link)  # looking does not use it

    stranger.send(link, password=PASSWORD, again=PASSWORD)

    assert stranger.path == "/apps"
    assert "Welcome, admin" in stranger.text
    assert invite_first_admin(resources, ADMIN) == ""
    late = Browser(console)
    assert late.get(link).status_code == 410
    assert "has been used" in late.text


def test_a_link_is_void_after_a_day_and_once_a_newer_one_is_made(
    connection: Connection, stranger: Browser
) -> None:
    person = create_person(connection, ADMIN, "Ada", Role.ADMIN)
    first = create_invitation(connection, SECRET_KEY, ADMIN, person)
    second = create_invitation(connection, SECRET_KEY, ADMIN, person)
    assert stranger.get(f"/welcome/{first}").status_code == 410
    assert stranger.get(f"/welcome/{second}").status_code == 200

    connection.execute("UPDATE one_time_links SET expires_at = now()")

    assert stranger.get(f"/welcome/{second}").status_code == 410


def test_a_refused_first_password_leaves_the_link_good(
    connection: Connection, stranger: Browser
) -> None:
    person = create_person(connection, ADMIN, "Ada", Role.ADMIN)
    link = f"/welcome/{create_invitation(connection, SECRET_KEY, ADMIN, person)}"
    stranger.get(link)

    assert stranger.send(link, password="short", again="short").status_code == 422

    assert "12 to 200 characters" in stranger.text
    assert stranger.send(link, password=PASSWORD, again=PASSWORD).status_code == 200
