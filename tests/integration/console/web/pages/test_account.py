"""Tests the account page: passwords and sessions."""

from collections.abc import Callable

import pytest

from console.actor import Role
from shared.database import Connection
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR, PASSWORD, App

pytestmark = ON_ONE_PAIR
BrowserOf = Callable[[str, Role], Browser]


def test_signing_out_ends_the_session_itself(admin: Browser, console: App) -> None:
    stolen = admin.cookies["waybill"]
    admin.get("/apps")

    admin.send("/sign-out")

    assert admin.path == "/sign-in"
    assert not admin.is_signed_in()
    assert not Browser(console, stolen).is_signed_in()


@pytest.mark.usefixtures("ada")
def test_signing_out_everywhere_ends_every_session_of_that_person(
    console: App, viewer: Browser
) -> None:
    here, there = Browser(console), Browser(console)
    here.sign_in("Ada", PASSWORD)
    there.sign_in("Ada", PASSWORD)
    here.get("/account")

    here.send("/account/sign-out-everywhere")

    assert not here.is_signed_in()
    assert not there.is_signed_in()
    assert viewer.is_signed_in()


@pytest.mark.parametrize(
    "age", ["seen_at = now() - interval '25 hours'", "created_at = now() - interval '8 days'"]
)
def test_a_session_ends_by_itself(admin: Browser, connection: Connection, age: str) -> None:
    assert admin.is_signed_in()
    connection.execute(f"UPDATE console_sessions SET {age}".encode())

    assert not admin.is_signed_in()


def test_a_new_password_signs_out_everywhere_else(console: App, admin: Browser) -> None:
    other = Browser(console)
    other.sign_in("Ada", PASSWORD)
    admin.get("/account")

    new = "four other words entirely"
    admin.send("/account/password", current=PASSWORD, password=new, again=new)

    assert "Your password has been changed" in admin.text
    assert admin.is_signed_in()
    assert not other.is_signed_in()
    assert other.sign_in("Ada", new) == 200


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"current": "wrong", "password": PASSWORD * 2, "again": PASSWORD * 2}, "current password"),
        ({"current": PASSWORD, "password": "short", "again": "short"}, "12 to 200 characters"),
        (
            {"current": PASSWORD, "password": "password1234", "again": "password1234"},
            "too easy to guess",
        ),
        ({"current": PASSWORD, "password": PASSWORD * 2, "again": PASSWORD * 3}, "do not match"),
    ],
)
def test_a_refused_password_says_why_and_changes_nothing(
    admin: Browser, stranger: Browser, values: dict[str, str], reason: str
) -> None:
    admin.get("/account")

    result = admin.send("/account/password", **values)

    assert result.status_code == 422
    assert reason in admin.text
    assert stranger.sign_in("Ada", PASSWORD) == 200


@pytest.mark.usefixtures("ada")
def test_the_current_password_can_be_guessed_eight_times_in_a_session(
    console: App, stranger: Browser
) -> None:
    stranger.sign_in("Ada", PASSWORD)
    thief = Browser(console, stranger.cookies["waybill"])
    owner = Browser(console)
    owner.sign_in("Ada", PASSWORD)
    values = {"current": "guess", "password": PASSWORD * 2, "again": PASSWORD * 2}

    thief.get("/account")
    statuses = [thief.send("/account/password", **values).status_code for _ in range(8)]
    assert statuses == [422] * 8
    thief.get("/account")
    assert thief.send("/account/password", **values | {"current": PASSWORD}).status_code == 429

    owner.get("/account")
    owner.send("/account/password", **values | {"current": PASSWORD})
    assert "Your password has been changed" in owner.text
