"""Signing in, out, and by a one-time link."""

from collections.abc import Callable

import pytest

from console.accounts import login
from console.accounts.invitations import first_way_in, make_link
from console.accounts.people import create_person, find_person, set_password
from console.actor import Role
from console.resources import Resources
from shared.database import Connection
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR, PASSWORD, App
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
BrowserOf = Callable[[str, Role], Browser]


@pytest.fixture
def ada(connection: Connection) -> None:
    set_password(connection, ADMIN, create_person(connection, ADMIN, "Ada", Role.ADMIN), PASSWORD)


def sign(browser: Browser, name: str, password: str) -> int:
    browser.get("/sign-in")
    return browser.send("/sign-in", name=name, password=password).status_code


def is_in(browser: Browser) -> bool:
    return browser.get("/account").status_code == 200 and browser.path == "/account"


@pytest.mark.usefixtures("ada")
def test_a_person_signs_in_with_name_and_password(stranger: Browser) -> None:
    assert sign(stranger, " ada ", PASSWORD) == 200

    assert stranger.path == "/apps"
    assert is_in(stranger)


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("name", "password"), [("Ada", "wrong horse battery staple"), ("Bob", PASSWORD), ("Ada", "")]
)
def test_an_unknown_name_and_a_wrong_password_get_one_answer(
    stranger: Browser, name: str, password: str
) -> None:
    assert sign(stranger, name, password) == 403

    assert "The name or the password is not right." in stranger.text
    assert not is_in(stranger)


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
    for _ in range(login.NAME_FROM_ADDRESS_MAX):
        assert sign(stranger, "Ada", "guess") == 403

    assert sign(stranger, "Ada", PASSWORD) == 429
    assert "Too many attempts" in stranger.text


@pytest.mark.usefixtures("ada")
def test_attempts_are_forgotten_after_the_window(stranger: Browser, connection: Connection) -> None:
    for _ in range(login.NAME_FROM_ADDRESS_MAX):
        sign(stranger, "Ada", "guess")
    connection.execute(
        "UPDATE sign_in_attempts SET started_at = now() - make_interval(mins => %s)",
        (login.WINDOW_MINUTES,),
    )

    assert sign(stranger, "Ada", PASSWORD) == 200


@pytest.mark.usefixtures("ada")
def test_one_address_is_throttled_over_all_names(stranger: Browser, connection: Connection) -> None:
    for name in ("Bob", "Eve"):
        assert sign(stranger, name, "guess") == 403
    connection.execute(
        "UPDATE sign_in_attempts SET attempts = %s WHERE attempts = 2", (login.ADDRESS_MAX,)
    )

    assert sign(stranger, "Ada", PASSWORD) == 429


@pytest.mark.usefixtures("ada")
def test_a_session_does_not_keep_the_secret_that_the_browser_brought(
    stranger: Browser, console: App
) -> None:
    """Session fixation: whoever planted the cookie must not be signed in with it."""
    stranger.get("/sign-in")
    planted = stranger.cookies["waybill"]

    sign(stranger, "Ada", PASSWORD)

    assert stranger.cookies["waybill"] != planted
    assert not is_in(Browser(console, planted))


def test_signing_out_ends_the_session_itself(admin: Browser, console: App) -> None:
    stolen = admin.cookies["waybill"]
    admin.get("/apps")

    admin.send("/sign-out")

    assert admin.path == "/sign-in"
    assert not is_in(admin)
    assert not is_in(Browser(console, stolen))


@pytest.mark.usefixtures("ada")
def test_signing_out_everywhere_ends_every_session_of_that_person(
    console: App, viewer: Browser
) -> None:
    here, there = Browser(console), Browser(console)
    sign(here, "Ada", PASSWORD)
    sign(there, "Ada", PASSWORD)
    here.get("/account")

    here.send("/account/sign-out-everywhere")

    assert not is_in(here)
    assert not is_in(there)
    assert is_in(viewer)


@pytest.mark.parametrize(
    "age", ["seen_at = now() - interval '25 hours'", "created_at = now() - interval '8 days'"]
)
def test_a_session_ends_by_itself(admin: Browser, connection: Connection, age: str) -> None:
    assert is_in(admin)
    connection.execute(f"UPDATE console_sessions SET {age}".encode())

    assert not is_in(admin)


def test_a_new_password_signs_out_everywhere_else(console: App, admin: Browser) -> None:
    other = Browser(console)
    sign(other, "Ada", PASSWORD)
    admin.get("/account")

    new = "four other words entirely"
    admin.send("/account/password", current=PASSWORD, password=new, again=new)

    assert "Your password is changed" in admin.text
    assert is_in(admin)
    assert not is_in(other)
    assert sign(other, "Ada", new) == 200


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"current": "wrong", "password": PASSWORD * 2, "again": PASSWORD * 2}, "current password"),
        ({"current": PASSWORD, "password": "short", "again": "short"}, "12 to 200 characters"),
        ({"current": PASSWORD, "password": PASSWORD * 2, "again": PASSWORD * 3}, "differ"),
    ],
)
def test_a_refused_password_says_why_and_changes_nothing(
    admin: Browser, stranger: Browser, values: dict[str, str], reason: str
) -> None:
    admin.get("/account")

    result = admin.send("/account/password", **values)

    assert result.status_code == 422
    assert reason in admin.text
    assert sign(stranger, "Ada", PASSWORD) == 200


def test_the_first_admin_comes_in_by_a_link_that_works_once(
    resources: Resources, stranger: Browser, console: App
) -> None:
    link = first_way_in(resources, ADMIN)
    stranger.get(link)
    stranger.get(link)  # looking does not use it

    stranger.send(link, password=PASSWORD, again=PASSWORD)

    assert stranger.path == "/apps"
    assert "Welcome, admin" in stranger.text
    assert first_way_in(resources, ADMIN) == ""
    late = Browser(console)
    assert late.get(link).status_code == 410
    assert "has been used" in late.text


def test_a_link_is_void_after_a_day_and_once_a_newer_one_is_made(
    connection: Connection, stranger: Browser
) -> None:
    person = create_person(connection, ADMIN, "Ada", Role.ADMIN)
    first = make_link(connection, SECRET_KEY, ADMIN, person)
    second = make_link(connection, SECRET_KEY, ADMIN, person)
    assert stranger.get(f"/welcome/{first}").status_code == 410
    assert stranger.get(f"/welcome/{second}").status_code == 200

    connection.execute("UPDATE one_time_links SET expires_at = now()")

    assert stranger.get(f"/welcome/{second}").status_code == 410


def test_a_refused_first_password_leaves_the_link_good(
    connection: Connection, stranger: Browser
) -> None:
    person = create_person(connection, ADMIN, "Ada", Role.ADMIN)
    link = f"/welcome/{make_link(connection, SECRET_KEY, ADMIN, person)}"
    stranger.get(link)

    assert stranger.send(link, password="short", again="short").status_code == 422

    assert "12 to 200 characters" in stranger.text
    assert stranger.send(link, password=PASSWORD, again=PASSWORD).status_code == 200


def test_who_is_closed_is_out_at_once_and_cannot_come_back(
    admin: Browser, viewer: Browser, connection: Connection
) -> None:
    number = find_person(connection, "Vera").id
    admin.get("/people")

    admin.send(f"/people/{number}/close")

    assert "Vera is signed out" in admin.text
    assert not is_in(viewer)
    assert sign(viewer, "Vera", PASSWORD) == 403


@pytest.mark.parametrize("way", ["close", "role"])
def test_the_last_admin_stays(admin: Browser, connection: Connection, way: str) -> None:
    number = find_person(connection, "Ada").id
    admin.get("/people")

    result = admin.send(f"/people/{number}/{way}")

    assert result.status_code == 422
    assert "Nobody would be left" in admin.text
    assert is_in(admin)


def test_an_admin_invites_somebody_who_chooses_a_password(
    admin: Browser, stranger: Browser
) -> None:
    admin.get("/people")
    shown = admin.send("/people", name="Bob", role="viewer").text
    link = shown[shown.index("/welcome/wbi_") :].split("<")[0].split('"')[0]

    stranger.get(link)
    stranger.send(link, password=PASSWORD, again=PASSWORD)

    assert is_in(stranger)
    assert stranger.get("/people").status_code == 403


def test_neither_secrets_nor_passwords_are_kept(
    admin: Browser, connection: Connection, stranger: Browser
) -> None:
    admin.get("/people")
    admin.send("/people", name="Bob", role="viewer")
    sign(stranger, "Ada", "a wrong password, typed once")

    kept = "".join(
        str(row)
        for table in ("people", "console_sessions", "one_time_links", "sign_in_attempts")
        for row in connection.execute(f"SELECT t::text FROM {table} AS t".encode())
    )
    assert admin.cookies["waybill"] not in kept
    assert "wbi_" not in kept
    assert PASSWORD not in kept
    assert "argon2id" in kept
