"""Tests the sign-in page: names and passwords, throttling, session fixation."""

from collections.abc import Callable

import pytest

from console.accounts import attempts, login
from console.actor import Role
from shared.database import Connection
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR, PASSWORD, App

pytestmark = ON_ONE_PAIR
BrowserOf = Callable[[str, Role], Browser]


@pytest.mark.usefixtures("ada")
def test_a_person_signs_in_with_name_and_password(stranger: Browser) -> None:
    assert stranger.sign_in(" ada ", PASSWORD) == 200

    assert stranger.path == "/apps"
    assert stranger.is_signed_in()


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("name", "password"), [("Ada", "wrong horse battery staple"), ("Bob", PASSWORD), ("Ada", "")]
)
def test_an_unknown_name_and_a_wrong_password_get_one_answer(
    stranger: Browser, name: str, password: str
) -> None:
    assert stranger.sign_in(name, password) == 403

    assert "The name or password is incorrect." in stranger.text
    assert not stranger.is_signed_in()


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(
    stranger: Browser, browser_of: BrowserOf
) -> None:
    browser_of("Ada", Role.ADMIN)
    stranger.get("/people")
    assert stranger.path == "/sign-in"

    stranger.send("/sign-in", name="Ada", password=PASSWORD)

    assert stranger.path == "/people"


@pytest.mark.usefixtures("ada")
def test_signing_in_is_throttled_and_then_refuses_even_the_right_password(
    stranger: Browser,
) -> None:
    for _ in range(login.NAME_FROM_NETWORK_MAX):
        assert stranger.sign_in("Ada", "guess") == 403

    assert stranger.sign_in("Ada", PASSWORD) == 429
    assert "Too many attempts" in stranger.text


@pytest.mark.usefixtures("ada")
def test_attempts_are_forgotten_after_the_window(stranger: Browser, connection: Connection) -> None:
    for _ in range(login.NAME_FROM_NETWORK_MAX):
        stranger.sign_in("Ada", "guess")
    connection.execute(
        "UPDATE sign_in_attempts SET started_at = now() - make_interval(mins => %s)",
        (attempts.WINDOW_MINUTES,),
    )

    assert stranger.sign_in("Ada", PASSWORD) == 200


@pytest.mark.usefixtures("ada")
def test_one_address_is_throttled_over_all_names(stranger: Browser, connection: Connection) -> None:
    for name in ("Bob", "Eve"):
        assert stranger.sign_in(name, "guess") == 403
    connection.execute(
        "UPDATE sign_in_attempts SET attempts = %s WHERE attempts = 2", (login.NETWORK_MAX,)
    )

    assert stranger.sign_in("Ada", PASSWORD) == 429


@pytest.mark.usefixtures("ada")
def test_a_browser_that_signed_in_before_is_not_locked_out_by_others_at_its_address(
    stranger: Browser, console: App
) -> None:
    stranger.sign_in("Ada", PASSWORD)
    stranger.get("/account")
    stranger.send("/sign-out")
    guesser = Browser(console)
    while guesser.sign_in("Ada", "guess") == 403:
        pass
    assert Browser(console).sign_in("Ada", PASSWORD) == 429

    assert stranger.sign_in("Ada", PASSWORD) == 200


@pytest.mark.usefixtures("ada")
def test_a_session_does_not_keep_the_secret_that_the_browser_brought(
    stranger: Browser, console: App
) -> None:
    """Session fixation: whoever planted the cookie must not be signed in with it."""
    stranger.get("/sign-in")
    planted = stranger.cookies["waybill"]

    stranger.sign_in("Ada", PASSWORD)

    assert stranger.cookies["waybill"] != planted
    assert not Browser(console, planted).is_signed_in()


def test_neither_secrets_nor_passwords_are_kept(
    admin: Browser, connection: Connection, stranger: Browser
) -> None:
    admin.get("/people")
    admin.send("/people", name="Bob", role="viewer")
    stranger.sign_in("Ada", "a wrong password, typed once")

    rows = "".join(
        str(row)
        for table in ("people", "console_sessions", "one_time_links", "sign_in_attempts")
        for row in connection.execute(f"SELECT t::text FROM {table} AS t".encode())
    )
    assert admin.cookies["waybill"] not in rows
    assert "wbi_" not in rows
    assert PASSWORD not in rows
    assert "argon2id" in rows
