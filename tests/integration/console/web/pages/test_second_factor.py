"""The second step of signing in: set up, asked for, lost, removed, and required by the settings."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlencode

import pyotp
import pytest

from console.accounts.invitations import create_invitation
from console.accounts.people import Person, find_person
from console.accounts.second_factor import find_factor
from console.accounts.totp import STEP_SECONDS, secret_text
from console.actor import Role
from console.audit import list_changes
from console.web.app import create_app
from console.web.page_request import Services
from shared.accounts.account_settings import REQUIRED
from shared.database import Connection, open_pool
from shared.redis import Redis
from shared.settings import Settings
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR, PASSWORD, App
from tests.support.build import ADMIN, NOW_MS

pytestmark = [ON_ONE_PAIR, pytest.mark.usefixtures("ada")]
PATH = "/account/second-factor"


@dataclass
class Door:
    """A console whose clock the test turns, and Ada's authenticator."""

    console: App
    connection: Connection
    now_ms: int = NOW_MS

    @property
    def ada(self) -> Person:
        return find_person(self.connection, "Ada")

    def browser(self) -> Browser:
        return Browser(self.console)

    def code(self, steps: int = 0) -> str:
        """Returns what Ada's authenticator shows, so many steps from now."""
        factor = find_factor(self.connection, SECRET_KEY, self.ada)
        assert factor is not None
        secret = secret_text(factor.secret).replace(" ", "")
        return pyotp.TOTP(secret).at(self.now_ms // 1000 + steps * STEP_SECONDS)

    def asks_for_codes(self) -> bool:
        return self.ada.has_second_factor

    def wait(self, steps: int = 1) -> None:
        self.now_ms += steps * STEP_SECONDS * 1000

    def set_up(self) -> list[str]:
        """Sets Ada's second step up by the pages; returns her recovery codes."""
        browser = self.browser()
        browser.sign_in("Ada", PASSWORD)
        browser.get(PATH)
        browser.send(PATH, current=PASSWORD)
        page = browser.send(f"{PATH}/confirm", code=self.code())
        self.wait()
        return re.findall(r"<li><code>([a-z2-7-]{19})</code>", page.text)


@pytest.fixture
def door(settings: Settings, connection: Connection, redis: Redis) -> Iterator[Door]:
    yield from _door(settings, connection, redis)


@pytest.fixture
def strict(settings: Settings, connection: Connection, redis: Redis) -> Iterator[Door]:
    yield from _door(replace(settings, second_factor=REQUIRED), connection, redis)


def _door(settings: Settings, connection: Connection, redis: Redis) -> Iterator[Door]:
    pool = open_pool(settings.database_url, "tests", 4)
    made: list[Door] = []
    services = Services(settings, pool, redis, None, lambda: made[0].now_ms)
    made.append(Door(create_app(services), connection))
    yield made[0]
    pool.close()


def test_signing_in_takes_a_code_once_an_authenticator_is_set_up(door: Door) -> None:
    codes = door.set_up()
    browser = door.browser()

    assert len(codes) == 10
    assert browser.sign_in("Ada", PASSWORD) == 200
    assert browser.path == "/sign-in/code"
    assert not browser.is_signed_in()
    browser.get("/sign-in/code")
    browser.send("/sign-in/code", code=door.code())
    assert browser.is_signed_in()


def test_the_secret_is_shown_as_an_image_and_as_text_until_it_is_confirmed(door: Door) -> None:
    browser = door.browser()
    browser.sign_in("Ada", PASSWORD)
    browser.get(PATH)
    shown = browser.send(PATH, current=PASSWORD).text
    refused = browser.send(f"{PATH}/confirm", code="000000")

    assert "<svg" in shown
    assert re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", shown)
    assert refused.status_code == 422
    assert "incorrect, or was used before" in refused.text
    assert "<svg" in refused.text
    assert not door.asks_for_codes()
    browser.send(f"{PATH}/confirm", code=door.code())
    assert door.asks_for_codes()
    assert "<svg" not in browser.get(PATH).text


def test_it_is_not_set_up_without_the_password(door: Door) -> None:
    browser = door.browser()
    browser.sign_in("Ada", PASSWORD)
    browser.get(PATH)

    assert browser.send(PATH, current="a guess").status_code == 422
    assert find_factor(door.connection, SECRET_KEY, door.ada) is None


def test_who_has_shown_the_password_alone_sees_nothing_and_changes_nothing(door: Door) -> None:
    door.set_up()
    browser = door.browser()
    browser.sign_in("Ada", PASSWORD)
    half = browser.cookies["waybill"]

    for path in ("/apps", "/account", PATH, "/people", "/api/v1/apps"):
        assert browser.ask("GET", path).status_code in {303, 401}
    assert door.connection.execute("SELECT count(*) FROM pending_sign_ins").fetchone() == (1,)
    browser.get("/sign-in/code")
    browser.send("/sign-in/code", code=door.code())
    assert browser.cookies["waybill"] != half
    assert door.connection.execute("SELECT count(*) FROM pending_sign_ins").fetchone() == (0,)


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_another_time_lets_nobody_in(door: Door, steps: int) -> None:
    door.set_up()
    door.wait(5)
    browser = door.browser()
    browser.sign_in("Ada", PASSWORD)

    assert browser.send("/sign-in/code", code=door.code(steps)).status_code == 422
    assert not browser.is_signed_in()


def test_a_code_that_was_used_lets_nobody_in_again(door: Door) -> None:
    door.set_up()
    code = door.code()
    first, second = door.browser(), door.browser()
    for browser in (first, second):
        browser.sign_in("Ada", PASSWORD)
        browser.send("/sign-in/code", code=code)

    assert first.is_signed_in()
    assert not second.is_signed_in()


def test_a_recovery_code_lets_in_once(door: Door) -> None:
    codes = door.set_up()
    outcomes = []
    for code in (codes[3], codes[3], codes[4].upper().replace("-", " ")):
        browser = door.browser()
        browser.sign_in("Ada", PASSWORD)
        browser.send("/sign-in/code", code=code)
        outcomes.append(browser.is_signed_in())

    assert outcomes == [True, False, True]
    assert "8 recovery codes are left" in browser.get(PATH).text


def test_new_recovery_codes_end_the_earlier_ones(door: Door) -> None:
    old = door.set_up()
    browser = door.browser()
    browser.sign_in("Ada", PASSWORD)
    browser.send("/sign-in/code", code=door.code())
    door.wait()
    browser.get(PATH)
    page = browser.send(f"{PATH}/codes", current=PASSWORD, code=door.code())
    new = re.findall(r"<li><code>([a-z2-7-]{19})</code>", page.text)
    outcomes = []
    for code in (old[0], new[0]):
        other = door.browser()
        other.sign_in("Ada", PASSWORD)
        other.send("/sign-in/code", code=code)
        outcomes.append(other.is_signed_in())

    assert len(new) == 10
    assert outcomes == [False, True]


def test_new_recovery_codes_take_the_password_and_a_code(door: Door) -> None:
    old = door.set_up()
    thief = door.browser()  # who has found the session open, and knows the password
    thief.sign_in("Ada", PASSWORD)
    thief.send("/sign-in/code", code=door.code())
    door.wait()
    thief.get(PATH)
    for typed in ({"current": PASSWORD}, {"current": PASSWORD, "code": "000000"}):
        refused = thief.send(f"{PATH}/codes", **{"code": "", **typed})
        assert refused.status_code == 422
        assert "<li><code>" not in refused.text
    assert thief.send(f"{PATH}/codes", current="a guess", code=door.code()).status_code == 422
    actions = [change.action for change in list_changes(door.connection, None, 9)]
    assert "access.wrong_code" in actions  # once a minute
    assert "person.recovery_codes" not in actions

    owner = door.browser()
    owner.sign_in("Ada", PASSWORD)
    owner.send("/sign-in/code", code=old[0])
    assert owner.is_signed_in()


@pytest.mark.parametrize(
    "path", ["/people", "/apps?archived=1&page=2", "/audit?q=a%26b%3D%C3%A9#x", "/apps?q=%23"]
)
def test_the_second_step_leads_to_the_page_that_was_asked_for(door: Door, path: str) -> None:
    door.set_up()
    browser = door.browser()
    browser.get(f"/sign-in?next={quote(path)}")
    browser.send("/sign-in", name="Ada", password=PASSWORD)
    browser.send("/sign-in/code", code="000000")
    form = {**browser.page.forms[0].fields, "code": door.code()}
    landed = browser.ask(
        "POST",
        "/sign-in/code",
        body=urlencode(form),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": "http://console.test",
        },
    )

    assert landed.status_code == 303
    assert unquote(landed.headers["location"]) == unquote(path)


@pytest.mark.parametrize("path", ["//evil.test", "https://evil.test", "/\\evil.test", "/a\nb"])
def test_the_second_step_leads_to_no_other_site(door: Door, path: str) -> None:
    door.set_up()
    browser = door.browser()
    browser.sign_in("Ada", PASSWORD)
    browser.get(f"/sign-in/code?next={quote(path)}")
    fields = browser.page.forms[0].fields
    browser.post("/sign-in/code", {**fields, "next": path, "code": door.code()})

    assert fields["next"] == "/"
    assert browser.is_signed_in()


def test_codes_can_be_guessed_five_times_in_a_quarter_of_an_hour_from_everywhere(
    door: Door,
) -> None:
    door.set_up()
    statuses = []
    for _ in range(7):
        browser = door.browser()  # each from where nobody has signed in before
        browser.sign_in("Ada", PASSWORD)
        statuses.append(browser.send("/sign-in/code", code="000000").status_code)

    assert statuses == [422] * 5 + [429] * 2
    assert browser.send("/sign-in/code", code=door.code()).status_code == 429


def test_the_owners_browser_is_not_locked_out_by_whoever_guesses_codes(door: Door) -> None:
    door.set_up()
    own = door.browser()
    own.sign_in("Ada", PASSWORD)
    own.send("/sign-in/code", code=door.code())
    own.get("/account")
    own.send("/sign-out")
    for _ in range(8):
        other = door.browser()
        other.sign_in("Ada", PASSWORD)
        other.send("/sign-in/code", code="000000")
    door.wait()

    own.sign_in("Ada", PASSWORD)
    own.send("/sign-in/code", code=door.code())
    assert own.is_signed_in()


def test_wrong_codes_are_in_the_audit_log(door: Door) -> None:
    door.set_up()
    browser = door.browser()
    browser.sign_in("Ada", PASSWORD)
    browser.send("/sign-in/code", code="000000")

    actions = [change.action for change in list_changes(door.connection, None, 9)]
    assert "access.wrong_code" in actions
    assert "person.second_factor" in actions
    assert "000000" not in str(list_changes(door.connection, None, 9))


def test_a_sign_in_that_waits_too_long_begins_anew(door: Door) -> None:
    door.set_up()
    browser = door.browser()
    browser.sign_in("Ada", PASSWORD)
    door.connection.execute(
        "UPDATE pending_sign_ins SET created_at = created_at - interval '11 minutes'"
    )

    browser.send("/sign-in/code", code=door.code())
    assert browser.path == "/sign-in"
    assert "took too long" in browser.text


def test_it_is_removed_by_the_password_and_a_code(door: Door) -> None:
    door.set_up()
    browser = door.browser()
    browser.sign_in("Ada", PASSWORD)
    browser.send("/sign-in/code", code=door.code())
    door.wait()
    browser.get(PATH)

    assert browser.send(f"{PATH}/remove", current=PASSWORD, code="000000").status_code == 422
    assert browser.send(f"{PATH}/remove", current="x", code=door.code()).status_code == 422
    assert door.asks_for_codes()
    browser.send(f"{PATH}/remove", current=PASSWORD, code=door.code())
    assert not door.asks_for_codes()
    assert door.browser().sign_in("Ada", PASSWORD) == 200


def test_a_one_time_link_does_not_step_over_the_second_step(door: Door, admin_of: str) -> None:
    door.set_up()
    browser = door.browser()
    browser.get(admin_of)
    again = {"password": PASSWORD, "again": PASSWORD}
    browser.send(admin_of, **again)

    assert browser.path == "/sign-in/code"
    assert not browser.is_signed_in()


@pytest.fixture
def admin_of(connection: Connection) -> str:
    """Returns the path of a one-time link for Ada, as an admin passes on."""
    ada = find_person(connection, "Ada")
    return f"/welcome/{create_invitation(connection, SECRET_KEY, ADMIN, ada)}"


def test_an_admin_resets_somebody_who_has_lost_both_and_a_viewer_does_not(
    door: Door, browser_of: Callable[[str, Role], Browser]
) -> None:
    door.set_up()
    zoe, vera = browser_of("Zoe", Role.ADMIN), browser_of("Vera", Role.VIEWER)
    path = f"/people/{door.ada.id}/second-factor"
    vera.get("/account")
    assert vera.post(path, {"csrf": vera.page.forms[0].fields["csrf"]}).status_code == 403
    assert door.asks_for_codes()
    zoe.get("/people")
    zoe.send(path)

    assert not door.asks_for_codes()
    newest = list_changes(door.connection, None, 1)[0]
    assert (newest.actor, newest.action) == ("console:Zoe", "person.second_factor")


def test_an_admin_does_not_reset_their_own_without_the_password(door: Door) -> None:
    door.set_up()
    browser = door.browser()
    browser.sign_in("Ada", PASSWORD)
    browser.send("/sign-in/code", code=door.code())
    browser.get("/people")
    fields = browser.page.forms[0].fields
    refused = browser.post(f"/people/{door.ada.id}/second-factor", {"csrf": fields["csrf"]})

    assert refused.status_code == 422
    assert "with your password and a code" in refused.text
    assert door.asks_for_codes()


def test_where_it_is_required_nothing_else_is_seen_before_it_is_set_up(strict: Door) -> None:
    browser = strict.browser()
    browser.sign_in("Ada", PASSWORD)
    assert browser.path == PATH
    for path in ("/apps", "/people", "/audit", "/operations"):
        browser.get(path)
        assert browser.path == PATH
    assert "requires it" in browser.text
    browser.send(PATH, current=PASSWORD)
    browser.send(f"{PATH}/confirm", code=strict.code())

    assert browser.get("/people").status_code == 200
    assert browser.path == "/people"
    assert "Remove the second step" not in browser.get(PATH).text


def test_where_it_is_required_it_cannot_be_removed_by_oneself(strict: Door) -> None:
    browser = strict.browser()
    browser.sign_in("Ada", PASSWORD)
    browser.send(PATH, current=PASSWORD)
    browser.send(f"{PATH}/confirm", code=strict.code())
    strict.wait()
    browser.get("/account")
    csrf = browser.page.forms[0].fields["csrf"]
    form = {"csrf": csrf, "current": PASSWORD, "code": strict.code()}

    assert browser.post(f"{PATH}/remove", form).status_code == 422
    assert strict.asks_for_codes()
