"""Signing in by an identity provider: who gets in, and what of the provider is believed."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from falcon import testing
from joserfc import jwt

from console.accounts.invitations import create_invitation, invite_first_admin
from console.accounts.people import (
    create_person,
    deactivate_person,
    find_person,
    has_active_admin,
    set_email,
    set_password,
)
from console.actor import Role
from console.audit import list_changes
from console.resources import Resources
from console.web.app import create_app
from console.web.csrf import csrf_token
from console.web.page_request import Services
from shared.accounts.account_settings import OFF, REQUIRED
from shared.clock import Clock, now_ms
from shared.database import Connection, open_pool
from shared.errors import BadValue, OperatorError
from shared.redis import Redis
from shared.settings import Settings
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR, PASSWORD, App
from tests.support.build import ADMIN
from tests.support.issuer import (
    CLIENT,
    SECRET,
    Issuer,
    new_key,
    running_issuer,
    signed_by_secret,
    unsigned,
)

pytestmark = ON_ONE_PAIR
ADDRESS = "ada@example.com"
_NEW = "another long enough passphrase"
_DISCOVERY = "/realm/.well-known/openid-configuration"
Build = Callable[..., App]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def build(
    settings: Settings, connection: Connection, redis: Redis, issuer: Issuer
) -> Iterator[Build]:
    """Builds consoles whose people sign in by the provider."""
    pool = open_pool(settings.database_url, "tests", 4)
    del connection

    def build(clock: Clock = now_ms, **changes: Any) -> App:
        own = {
            "oidc_issuer": issuer.url,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "oidc_name": "Example ID",
            **changes,
        }
        return create_app(Services(replace(settings, **own), pool, redis, None, clock))

    yield build
    pool.close()


@pytest.fixture
def ada(connection: Connection) -> None:
    set_email(connection, ADMIN, create_person(connection, ADMIN, "Ada", Role.ADMIN), ADDRESS)


def leave(browser: Browser, query: str = "") -> testing.Result:
    """Follows the button of the sign-in page, up to where it leads."""
    browser.get("/sign-in")
    return browser.ask("GET", "/sign-in/provider", query_string=query)


def come_in(browser: Browser, issuer: Issuer, query: str = "") -> str:
    """Signs in at the provider and comes back; returns the text of the page."""
    result = leave(browser, query)
    assert result.status_code == 303, result.text
    return browser.get(issuer.authorize(result.headers["location"])).text


@pytest.mark.usefixtures("ada")
def test_who_has_a_verified_address_that_an_admin_entered_gets_in(
    build: Build, issuer: Issuer
) -> None:
    browser = Browser(build())
    assert "Sign in with Example ID" in browser.get("/sign-in").text

    come_in(browser, issuer, "next=/people")

    assert browser.path == "/people"
    assert browser.is_signed_in()


def test_nobody_gets_an_account_by_signing_in(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    browser = Browser(build())

    assert "Ask an admin to create one" in come_in(browser, issuer)
    assert not browser.is_signed_in()
    assert connection.execute("SELECT count(*) FROM people").fetchone() == (0,)


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_that_the_provider_has_not_verified_is_nobodys(
    build: Build, issuer: Issuer, verified: object
) -> None:
    issuer.user["email_verified"] = verified
    browser = Browser(build())

    assert "Ask an admin" in come_in(browser, issuer)
    assert not browser.is_signed_in()


@pytest.fixture
def zoe(connection: Connection) -> None:
    """Creates another admin, so that Ada's account may change as it likes."""
    set_password(connection, ADMIN, create_person(connection, ADMIN, "Zoe", Role.ADMIN), PASSWORD)


KELVIN, DOTTED = "\u212a", "\u0130"  # PostgreSQL folds them to k and i, or may


@pytest.mark.parametrize("letter", [KELVIN, DOTTED])
@pytest.mark.parametrize("is_stored", [True, False])
def test_an_address_with_a_letter_that_folds_to_another_is_nobody_elses(
    build: Build, issuer: Issuer, connection: Connection, letter: str, *, is_stored: bool
) -> None:
    ascii_letter = {KELVIN: "k", DOTTED: "i"}[letter]
    odd, plain = f"a{letter}@example.com", f"a{ascii_letter}@example.com"
    person = create_person(connection, ADMIN, "Kim", Role.ADMIN)
    set_email(connection, ADMIN, person, plain)
    if is_stored:  # by a version before this one
        connection.execute("UPDATE people SET email = %s", (odd,))
    issuer.user["email"] = plain if is_stored else odd
    browser = Browser(build())

    assert "Ask an admin" in come_in(browser, issuer)
    assert not browser.is_signed_in()
    assert connection.execute("SELECT count(*) FROM provider_accounts").fetchone() == (0,)


@pytest.mark.usefixtures("ada", "zoe")
def test_whoever_was_linked_is_known_by_the_providers_own_name_for_them(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    console = build()
    come_in(Browser(console), issuer)
    issuer.user["email"] = "ada.lovelace@example.com"
    again = Browser(console)
    come_in(again, issuer)
    issuer.user = {"sub": "eve-1", "email": ADDRESS, "email_verified": True}
    eve = Browser(console)

    assert again.is_signed_in()
    assert "somebody else of the sign-in service" in come_in(eve, issuer)
    assert not eve.is_signed_in()
    # Until an admin enters the address anew, which lets the next one in, and the first one out.
    set_email(connection, ADMIN, find_person(connection, "Ada"), ADDRESS)
    assert not again.is_signed_in()
    come_in(eve, issuer)
    assert eve.is_signed_in()


@pytest.mark.usefixtures("ada")
def test_a_deactivated_account_lets_nobody_in(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    create_person(connection, ADMIN, "Zoe", Role.ADMIN)
    deactivate_person(connection, ADMIN, find_person(connection, "Ada"))
    browser = Browser(build())

    assert "deactivated" in come_in(browser, issuer)
    assert connection.execute("SELECT count(*) FROM provider_accounts").fetchone() == (0,)


@pytest.mark.usefixtures("ada")
def test_addresses_are_one_persons_and_addresses(connection: Connection) -> None:
    bob = create_person(connection, ADMIN, "Bob", Role.VIEWER)

    with pytest.raises(OperatorError, match="Another account"):
        set_email(connection, ADMIN, bob, ADDRESS.upper())
    for other in (
        "bob",
        "b\x00b@example.com",
        "böb@example.com",
        f"bob@{KELVIN}.example",
        f"{DOTTED}@x.de",
    ):
        with pytest.raises(BadValue):
            set_email(connection, ADMIN, bob, other)
    assert set_email(connection, ADMIN, bob, " bob@example.com ").email == "bob@example.com"
    assert set_email(connection, ADMIN, bob, "").email is None


LIES: dict[str, Callable[[Issuer], object]] = {
    "another nonce": lambda it: it.claims.update(nonce="x"),
    "no nonce": lambda it: it.claims.update(nonce=None),
    "another audience": lambda it: it.claims.update(aud="another client"),
    "several audiences without us": lambda it: it.claims.update(aud=["a", "b"]),
    "meant for another party": lambda it: it.claims.update(azp="another client"),
    "another issuer": lambda it: it.claims.update(iss="https://evil.example"),
    "expired": lambda it: it.claims.update(exp=1_700_000_000),
    "no expiry": lambda it: it.claims.update(exp=None),
    "of the future": lambda it: it.claims.update(nbf=4_000_000_000),
    "no subject": lambda it: it.claims.update(sub=None),
    "of another access token": lambda it: it.claims.update(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "unsigned": lambda it: setattr(it, "sign", unsigned),
    "signed by what we know too": lambda it: setattr(it, "sign", signed_by_secret),
    "signed by a key of nobody": lambda it: setattr(it, "sign", _by_a_stranger),
    "no token at all": lambda it: setattr(it, "sign", lambda _: "x.y.z"),
}


def _by_a_stranger(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "1"}, claims, new_key("1"))


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("lie", LIES)
def test_what_was_not_meant_for_this_sign_in_lets_nobody_in(
    build: Build, issuer: Issuer, lie: str, connection: Connection
) -> None:
    LIES[lie](issuer)
    browser = Browser(build())
    text = come_in(browser, issuer)

    assert "cannot have meant for this console" in text or "has no sub" in text
    assert not browser.is_signed_in()
    actions = [change.action for change in list_changes(connection, None, 5)]
    assert "access.provider_refused" in actions


@pytest.mark.usefixtures("ada")
def test_a_provider_may_change_its_keys_at_any_time(build: Build, issuer: Issuer) -> None:
    console = build()
    come_in(Browser(console), issuer)
    issuer.keys = [new_key("2")]
    browser = Browser(console)

    come_in(browser, issuer)
    assert browser.is_signed_in()


@pytest.mark.usefixtures("ada")
def test_what_the_id_token_lacks_is_asked_for_and_has_to_be_about_the_same_person(
    build: Build, issuer: Issuer
) -> None:
    issuer.claims = {"email": None, "email_verified": None}
    issuer.userinfo = {"email": ADDRESS, "email_verified": True}
    console = build()
    first, second = Browser(console), Browser(console)
    issuer.userinfo["sub"] = "somebody else"
    assert "Ask an admin" in come_in(first, issuer)
    del issuer.userinfo["sub"]

    come_in(second, issuer)
    assert second.is_signed_in()


@pytest.mark.usefixtures("ada")
def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(
    build: Build, issuer: Issuer
) -> None:
    issuer.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    browser = Browser(build())

    come_in(browser, issuer)
    assert browser.is_signed_in()


@pytest.mark.usefixtures("ada")
def test_a_return_fits_the_browser_that_left_and_only_once(build: Build, issuer: Issuer) -> None:
    console = build()
    ada, eve = Browser(console), Browser(console)
    back = issuer.authorize(leave(ada).headers["location"])
    eve.get("/sign-in")
    for stolen in (back, back.replace("state=", "state=x"), "/sign-in/provider/return"):
        assert "was begun elsewhere" in eve.get(stolen).text
    assert not eve.is_signed_in()
    ada.get(back)
    assert ada.is_signed_in()
    assert ada.get(back).status_code == 403


@pytest.mark.usefixtures("ada")
def test_a_return_is_taken_for_ten_minutes(build: Build, issuer: Issuer) -> None:
    issuer.claims["exp"] = 4_000_000_000
    times = [now_ms()]
    console = build(clock=lambda: times[0])
    early, late = Browser(console), Browser(console)
    backs = [issuer.authorize(leave(browser).headers["location"]) for browser in (early, late)]
    times[0] += 9 * 60_000
    early.get(backs[0])
    times[0] += 2 * 60_000

    assert early.is_signed_in()
    assert "took too long" in late.get(backs[1]).text
    assert not late.is_signed_in()


@pytest.mark.usefixtures("ada")
def test_a_return_from_another_issuer_is_refused(build: Build, issuer: Issuer) -> None:
    console = build()
    browser = Browser(console)
    back = issuer.authorize(leave(browser).headers["location"])
    assert "another service" in browser.get(f"{back}&iss=https://evil.example").text
    browser = Browser(console)
    back = issuer.authorize(leave(browser).headers["location"])
    browser.get(f"{back}&iss={issuer.url}")
    assert browser.is_signed_in()


@pytest.mark.usefixtures("ada")
def test_whoever_is_refused_by_the_provider_reads_so(build: Build, issuer: Issuer) -> None:
    browser = Browser(build())
    back = issuer.authorize(leave(browser).headers["location"])
    state = back.rpartition("state=")[2]

    answer = browser.get(f"/sign-in/provider/return?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "did not let you in" in answer.text


FAULTS: dict[str, Callable[[Issuer], object]] = {
    "another name": lambda it: it.metadata.update(issuer="https://other.example"),
    "no description": lambda it: it.answers.update({_DISCOVERY: b"<html>"}),
    "a list": lambda it: it.answers.update({_DISCOVERY: b"[]"}),
    "a long answer": lambda it: it.answers.update({_DISCOVERY: b" " * 300_000}),
    "an error": lambda it: it.status.update({_DISCOVERY: 500}),
    "a redirect": lambda it: it.status.update({_DISCOVERY: 302}),
    "no keys": lambda it: it.answers.update({"/realm/jwks": b'{"keys": 7}'}),
    "an address of nobody on the way": lambda it: it.metadata.update(
        authorization_endpoint="http://id.example/authorize"
    ),
    "a page of the browser": lambda it: it.metadata.update(
        authorization_endpoint="javascript:alert(1)"
    ),
    "headers without end": lambda it: it.raw.update(
        {_DISCOVERY: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n"}
    ),
    "too many headers": lambda it: it.raw.update(
        {_DISCOVERY: b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200 + b"\r\n"}
    ),
    "another protocol": lambda it: it.raw.update({_DISCOVERY: b"SSH-2.0-x\r\n"}),
    "nothing": lambda it: it.raw.update({_DISCOVERY: b""}),
    "half an answer": lambda it: it.raw.update(
        {_DISCOVERY: b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"}
    ),
    "broken pieces": lambda it: it.raw.update(
        {_DISCOVERY: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"}
    ),
    "a number too large": lambda it: it.raw.update({_DISCOVERY: b"HTTP/1.1 2000 OK\r\n\r\n"}),
    "a document without a bottom": lambda it: it.answers.update({_DISCOVERY: b'{"a":' * 40_000}),
    "an address that is none": lambda it: it.metadata.update(
        authorization_endpoint="https://[id.example"
    ),
    "keys at no address": lambda it: it.metadata.update(jwks_uri="https://id.example:port/"),
    "keys with a space": lambda it: it.metadata.update(jwks_uri=f"{it.url}/a b\r\nX: y"),
    "keys without https": lambda it: it.metadata.update(jwks_uri="http://id.example/jwks"),
    "a file as its keys": lambda it: it.metadata.update(jwks_uri="file:///etc/passwd"),
}


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_provider_that_cannot_be_used_leaves_the_page_and_the_password(
    build: Build, issuer: Issuer, fault: str, connection: Connection
) -> None:
    set_password(connection, ADMIN, find_person(connection, "Ada"), PASSWORD)
    FAULTS[fault](issuer)
    browser = Browser(build())
    answer = leave(browser)

    assert answer.status_code == 503
    assert "cannot be used now" in answer.text
    assert browser.sign_in("Ada", PASSWORD) == 200


_BOTTOMLESS = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 90_000).decode().rstrip("=") + ".e30.x"
RETURN_FAULTS: dict[str, Callable[[Issuer], object]] = {
    "no token": lambda it: it.answers.update({"/realm/token": b"{}"}),
    "a number as a token": lambda it: it.answers.update({"/realm/token": b'{"id_token": 7}'}),
    "methods that are a number": lambda it: it.metadata.update(
        token_endpoint_auth_methods_supported=7
    ),
    "a token without a bottom": lambda it: setattr(it, "sign", lambda _: _BOTTOMLESS),
    "half an answer": lambda it: it.raw.update(
        {"/realm/token": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"}
    ),
}


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("fault", RETURN_FAULTS)
def test_a_return_that_the_provider_spoils_is_refused_with_a_sentence(
    build: Build, issuer: Issuer, fault: str
) -> None:
    RETURN_FAULTS[fault](issuer)
    browser = Browser(build())
    back = issuer.authorize(leave(browser, "next=/people").headers["location"])
    answer = browser.get(back)

    assert answer.status_code in {403, 503}
    assert "The sign-in service" in answer.text
    assert 'next=/people"' in answer.text  # the next try leads where this one would have
    assert not browser.is_signed_in()


def test_a_provider_that_is_away_is_said_to_be(build: Build) -> None:
    browser = Browser(build(oidc_issuer="http://127.0.0.1:1/realm"))

    assert leave(browser).status_code == 503


@pytest.mark.usefixtures("ada")
def test_its_description_is_read_once_an_hour(build: Build, issuer: Issuer) -> None:
    console = build()
    for _ in range(3):
        come_in(Browser(console), issuer)

    assert issuer.seen.count(_DISCOVERY) == issuer.seen.count("/realm/jwks") == 1


@pytest.mark.usefixtures("ada")
def test_strangers_begin_forty_sign_ins_from_one_address(build: Build) -> None:
    browser = Browser(build())

    statuses = [leave(browser).status_code for _ in range(42)]
    assert statuses == [303] * 40 + [429] * 2


@pytest.mark.usefixtures("ada")
def test_who_gets_in_by_the_provider_leaves_no_attempt_behind(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    console = build()
    for _ in range(3):
        come_in(Browser(console), issuer)

    attempts = connection.execute("SELECT attempts FROM sign_in_attempts").fetchall()
    assert attempts == [(0,), (0,)]


@pytest.mark.usefixtures("ada")
def test_one_sign_in_does_not_call_the_provider_without_end(build: Build, issuer: Issuer) -> None:
    browser = Browser(build())
    state = issuer.authorize(leave(browser).headers["location"]).rpartition("state=")[2]
    back = f"/sign-in/provider/return?code=guess&state={state}"

    statuses = [browser.get(back).status_code for _ in range(42)]
    assert statuses == [503] * 40 + [429] * 2
    assert issuer.seen.count("/realm/token") == 40


@pytest.mark.usefixtures("ada")
def test_what_strangers_begin_ends_nobodys_sign_in(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    console = build()
    browser = Browser(console)
    back = issuer.authorize(leave(browser).headers["location"])
    before = _rows(connection)
    for number in range(200):
        stranger = Browser(console)
        headers = {"X-Forwarded-For": f"2001:db8:{number:x}::1"}
        stranger.ask("GET", "/sign-in/provider", headers=headers)

    browser.get(back)
    assert browser.is_signed_in()
    assert _rows(connection) - before <= {"sign_in_attempts", "console_sessions", "audit_log"}


def _rows(connection: Connection) -> set[str]:
    """Returns the tables of accounts that have rows."""
    tables = ("sign_in_attempts", "pending_sign_ins", "console_sessions", "one_time_links")
    return {
        table
        for table in tables
        if connection.execute(f"SELECT FROM {table} LIMIT 1".encode()).fetchone() is not None
    }


@pytest.mark.usefixtures("ada")
def test_what_the_browser_keeps_shows_nothing_and_is_no_other_browsers(
    build: Build, issuer: Issuer
) -> None:
    console = build(console_url="https://console.test")
    ada, eve = Browser(console), Browser(console)
    ada.get("/sign-in")
    result = ada.ask("GET", "/sign-in/provider", query_string="next=/people")
    cookie = result.cookies["__Host-waybill_begun"]
    address = result.headers["location"]
    back = issuer.authorize(address).replace("https://console.test", "")

    assert (cookie.http_only, cookie.secure, cookie.same_site) == (True, True, "Lax")
    assert cookie.max_age == 600
    assert len(cookie.value.split(".")) == 5
    eve.get("/sign-in")
    eve.cookies["__Host-waybill_begun"] = cookie.value
    assert "was begun elsewhere" in eve.get(back).text
    forged = "eyJhbGciOjEsImVuYyI6W119.AAAA.AAAA.AAAA.AAAA"  # {"alg":1,"enc":[]}
    for spoilt in (cookie.value[:-4] + "AAAA", "x", "a.b.c.d.e", forged, ""):
        ada.cookies["__Host-waybill_begun"] = spoilt
        assert "was begun elsewhere" in ada.get(back).text
    ada.cookies["__Host-waybill_begun"] = cookie.value
    ada.get(back)
    assert ada.path == "/people"
    assert "__Host-waybill_begun" not in ada.cookies


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("query", ["a=1&b=%26%23", "a=" + "x" * 6_000])
def test_where_a_sign_in_leads_is_kept_as_far_as_a_cookie_holds_it(
    build: Build, issuer: Issuer, query: str
) -> None:
    browser = Browser(build())
    result = leave(browser, f"next={quote(f'/people?{query}')}")
    path, _, back = issuer.authorize(result.headers["location"]).partition("?")
    landed = browser.ask("GET", path, query_string=back)

    assert len(browser.cookies.get("waybill_begun", "")) < 4_000
    assert landed.headers["location"] == (f"/people?{query}" if len(query) < 100 else "/")


@pytest.mark.usefixtures("ada")
def test_without_passwords_only_the_provider_and_an_operators_link_let_in(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    person = find_person(connection, "Ada")
    set_password(connection, ADMIN, person, PASSWORD)
    console = build(local_sign_in=OFF)
    browser = Browser(console)
    page = browser.get("/sign-in").text

    assert 'name="password"' not in page
    form = {"csrf": _csrf(browser), "name": "Ada", "password": PASSWORD}
    assert browser.post("/sign-in", form).status_code == 403
    come_in(browser, issuer)
    assert browser.is_signed_in()
    operator = Browser(console)
    link = f"/welcome/{create_invitation(connection, SECRET_KEY, ADMIN, person)}"
    operator.get(link)
    operator.send(link, password=PASSWORD, again=PASSWORD)
    assert operator.is_signed_in()


def _csrf(browser: Browser) -> str:
    return csrf_token(SECRET_KEY, browser.cookies["waybill"])


@pytest.mark.usefixtures("ada")
def test_without_a_provider_passwords_are_never_off(build: Build, connection: Connection) -> None:
    set_password(connection, ADMIN, find_person(connection, "Ada"), PASSWORD)
    browser = Browser(build(local_sign_in=OFF, oidc_issuer=""))

    assert browser.sign_in("Ada", PASSWORD) == 200
    assert browser.get("/sign-in/provider").status_code == 404


@pytest.mark.usefixtures("ada")
def test_the_second_step_is_the_providers_matter(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    set_password(connection, ADMIN, find_person(connection, "Ada"), PASSWORD)
    console = build(second_factor=REQUIRED)
    by_provider, by_password = Browser(console), Browser(console)
    come_in(by_provider, issuer)
    by_password.sign_in("Ada", PASSWORD)

    assert by_provider.is_signed_in()
    assert by_provider.get("/people").status_code == 200
    assert by_provider.path == "/people"
    assert by_password.path == "/account/second-factor"


@pytest.mark.usefixtures("ada")
def test_an_admin_whom_the_provider_lets_in_is_one_who_can_sign_in(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    assert not has_active_admin(connection)
    come_in(Browser(build()), issuer)

    assert has_active_admin(connection)


@pytest.mark.usefixtures("ada")
def test_where_passwords_are_off_an_admin_with_nothing_else_cannot_sign_in(
    build: Build, issuer: Issuer, resources: Resources, connection: Connection
) -> None:
    browser = Browser(build(local_sign_in=OFF))
    come_in(browser, issuer)
    zoe = create_person(connection, ADMIN, "Zoe", Role.ADMIN)
    set_password(connection, ADMIN, zoe, PASSWORD)
    ada = find_person(connection, "Ada")

    for path, values in (("role", {"role": "viewer"}), ("email", {"email": ""}), ("close", {})):
        browser.get("/people")
        browser.send(f"/people/{ada.id}/{path}", **values)
        assert "No admin who can sign in would be left" in browser.text
    assert find_person(connection, "Ada") == ada
    # One who operates the console is let in by a link, as long as no admin is.
    connection.execute("DELETE FROM provider_accounts")
    assert invite_first_admin(resources, ADMIN) == ""
    assert invite_first_admin(resources, ADMIN, passwords=False).startswith("/welcome/")


@pytest.mark.usefixtures("ada")
def test_no_code_and_no_secret_is_in_the_audit_log_or_in_the_tables(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    come_in(Browser(build()), issuer)

    rows = str(list_changes(connection, None, 50))
    assert "code-" not in rows
    assert "access token" not in rows
    assert SECRET not in rows


@pytest.mark.usefixtures("ada")
def test_the_last_admin_who_can_sign_in_keeps_their_account_of_the_provider(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    browser = Browser(build())
    come_in(browser, issuer)
    ada = find_person(connection, "Ada")
    for address in ("", "other@example.com"):
        with pytest.raises(OperatorError, match="No admin who can sign in"):
            set_email(connection, ADMIN, ada, address)

    assert browser.is_signed_in()
    assert find_person(connection, "Ada").email == ADDRESS
    set_password(connection, ADMIN, create_person(connection, ADMIN, "Zoe", Role.ADMIN), PASSWORD)
    assert set_email(connection, ADMIN, ada, "").email is None


@pytest.mark.usefixtures("ada", "zoe")
def test_a_changed_password_leaves_the_session_to_the_provider(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    browser = Browser(build(second_factor=REQUIRED))
    come_in(browser, issuer)
    set_hash = "UPDATE people AS ada SET password_hash = zoe.password_hash FROM people AS zoe"
    connection.execute(f"{set_hash} WHERE ada.name = 'Ada' AND zoe.name = 'Zoe'".encode())
    browser.get("/account")
    browser.send("/account/password", current=PASSWORD, password=_NEW, again=_NEW)

    assert "Your password has been changed" in browser.text
    assert browser.get("/people").status_code == 200
    assert browser.path == "/people"  # and not that of the second step
    set_email(connection, ADMIN, find_person(connection, "Ada"), "")
    assert not browser.is_signed_in()


@pytest.mark.usefixtures("ada")
def test_an_admin_enters_addresses_on_the_page_of_people(
    build: Build, connection: Connection
) -> None:
    set_password(connection, ADMIN, find_person(connection, "Ada"), PASSWORD)
    browser = Browser(build())
    browser.sign_in("Ada", PASSWORD)
    browser.get("/people")
    browser.send("/people", name="Bob", role="viewer", email="bob@example.com")
    bob = find_person(connection, "Bob")

    assert bob.email == "bob@example.com"
    browser.get("/people")
    browser.send(f"/people/{bob.id}/email", email="robert@example.com")
    assert find_person(connection, "Bob").email == "robert@example.com"
    browser.send("/people", name="Eve", role="viewer", email="no address")
    with pytest.raises(OperatorError):
        find_person(connection, "Eve")
