"""Signing in by an identity provider: who gets in, and what of the provider is believed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from falcon import testing
from joserfc import jwt

from console.accounts.invitations import create_invitation
from console.accounts.people import (
    create_person,
    deactivate_person,
    find_person,
    has_active_admin,
    set_email,
    set_password,
)
from console.accounts.provider import provider_sign_ins
from console.actor import Role
from console.audit import list_changes
from console.web.app import create_app
from console.web.csrf import csrf_token
from console.web.page_request import Services
from shared.accounts.account_settings import OFF, REQUIRED
from shared.clock import now_ms
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

    def build(**changes: Any) -> App:
        own = {
            "oidc_issuer": issuer.url,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "oidc_name": "Example ID",
            **changes,
        }
        return create_app(Services(replace(settings, **own), pool, redis, None, now_ms))

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


@pytest.mark.usefixtures("ada")
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
    with pytest.raises(BadValue):
        set_email(connection, ADMIN, bob, "bob")
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
def test_a_return_is_taken_for_ten_minutes(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    browser = Browser(build())
    back = issuer.authorize(leave(browser).headers["location"])
    connection.execute(
        "UPDATE provider_sign_ins SET created_at = created_at - interval '11 minutes'"
    )

    assert "took too long" in browser.get(back).text


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


def test_the_table_of_sign_ins_is_bounded(
    build: Build, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_sign_ins, "SIGN_INS_MAX", 3)
    browser = Browser(build())
    for _ in range(8):
        leave(browser)

    assert connection.execute("SELECT count(*) FROM provider_sign_ins").fetchone() == (4,)


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
def test_no_code_and_no_secret_is_in_the_audit_log_or_in_the_tables(
    build: Build, issuer: Issuer, connection: Connection
) -> None:
    come_in(Browser(build()), issuer)

    rows = str(list_changes(connection, None, 50))
    assert "code-" not in rows
    assert "access token" not in rows
    assert SECRET not in rows
    assert connection.execute("SELECT count(*) FROM provider_sign_ins").fetchone() == (0,)


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
