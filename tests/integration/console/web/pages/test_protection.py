"""Tests the pages of authentication: the steps of Adjust's page on S2S security."""

import re

import pytest

from console.apps.apps import App
from console.resources import Resources
from console.security.enforcement import read_enforcement
from console.security.token_table import Token
from console.security.tokens import list_tokens
from shared.snapshot import decode_snapshot
from shared.tokens import is_own_form, token_digest
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.redis_names import NAMES

pytestmark = ON_ONE_PAIR


@pytest.fixture
def at(shop: App) -> str:
    return f"/apps/{shop.id}/protection"


def add(admin: Browser, at: str, name: str, *scopes: str, **more: str) -> str:
    """Adds a token on the page; returns the secret, which the page shows once."""
    admin.get(f"{at}/tokens/new")
    markup = admin.send(f"{at}/tokens/new", name=name, scope=list(scopes), **more).text
    match = re.search(r'<code id="token">(.*)</code>', markup)
    assert match, admin.text
    return match[1]


def token_named(resources: Resources, shop: App, name: str) -> Token:
    (token,) = (token for token in list_tokens(resources, shop) if token.name == name)
    return token


def let_in(resources: Resources) -> set[bytes]:
    data = resources.redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    return set(decode_snapshot(data).grants)


def test_a_token_is_shown_once_and_works(
    admin: Browser, resources: Resources, shop: App, at: str
) -> None:
    secret = add(admin, at, "backend", "events", "sessions")

    assert is_own_form(secret)
    assert token_digest(resources.secret_key, secret.encode()) in let_in(resources)
    assert "Copy token and close" in admin.text
    shown = admin.get(at).text
    assert secret not in shown
    assert token_named(resources, shop, "backend").masked in shown
    assert "Events Sessions" in admin.text


def test_a_refused_name_leaves_the_scopes_ticked(admin: Browser, at: str) -> None:
    add(admin, at, "backend", "events")
    admin.get(f"{at}/tokens/new")

    result = admin.send(f"{at}/tokens/new", name="backend", scope=["sessions"])

    assert result.status_code == 422
    assert "Choose another name" in admin.text
    assert re.search(r'value="sessions" checked', result.text)
    assert not re.search(r'value="events" checked', result.text)


def test_enforcement_is_turned_on_after_its_warning_scope_by_scope(admin: Browser, at: str) -> None:
    add(admin, at, "backend", "events")
    admin.get(f"{at}/enforcement")
    assert "only requests with a configured token will work" in admin.text

    admin.send(f"{at}/enforcement", scope=["events"])

    assert "Authentication is on." in admin.text
    assert "Events token required covered by backend" in admin.text
    assert "Sessions not required no active token has this scope" in admin.text
    assert "Add the scope" not in admin.text


def test_enforcement_without_a_token_that_covers_it_is_refused_with_the_reason(
    admin: Browser, resources: Resources, shop: App, at: str
) -> None:
    add(admin, at, "backend", "events")
    admin.get(f"{at}/enforcement")

    result = admin.send(f"{at}/enforcement", scope=["events", "ad_revenue"])

    assert result.status_code == 422
    assert "No active production token covers ad_revenue" in admin.text
    assert read_enforcement(resources.connection, shop).enforced == ()


def test_enforcement_is_turned_off(admin: Browser, at: str) -> None:
    add(admin, at, "backend", "events")
    admin.get(f"{at}/enforcement")
    admin.send(f"{at}/enforcement", scope=["events"])

    admin.send(f"{at}/enforcement/off")

    assert "Events not required covered by backend" in admin.text


def test_scopes_are_edited(admin: Browser, resources: Resources, shop: App, at: str) -> None:
    add(admin, at, "backend", "events")
    number = token_named(resources, shop, "backend").id
    admin.get(f"{at}/tokens/{number}")

    admin.send(f"{at}/tokens/{number}", scope=["events", "ad_revenue"])

    assert token_named(resources, shop, "backend").scopes == ("events", "ad_revenue")


def test_a_token_is_switched_off_and_on_in_the_list(
    admin: Browser, resources: Resources, shop: App, at: str
) -> None:
    secret = add(admin, at, "backend", "everything")
    digest = token_digest(resources.secret_key, secret.encode())
    number = token_named(resources, shop, "backend").id
    admin.get(at)

    admin.send(f"{at}/tokens/{number}/deactivate")
    assert digest not in let_in(resources)
    assert "Show inactive tokens (1)" in admin.text
    admin.get(f"{at}?inactive=1")
    admin.send(f"{at}/tokens/{number}/activate")

    assert digest in let_in(resources)


def test_the_last_token_takes_enforcement_with_it_and_says_so(
    admin: Browser, resources: Resources, shop: App, at: str
) -> None:
    add(admin, at, "backend", "everything")
    admin.get(f"{at}/enforcement")
    admin.send(f"{at}/enforcement", scope=["events"])
    number = token_named(resources, shop, "backend").id

    admin.send(f"{at}/tokens/{number}/deactivate")

    assert "authentication is turned off" in admin.text


def test_a_token_is_rotated_and_the_first_revoked(
    admin: Browser, resources: Resources, shop: App, at: str
) -> None:
    first = add(admin, at, "backend", "events")
    number = token_named(resources, shop, "backend").id
    admin.get(f"{at}/tokens/{number}")

    shown = admin.send(f"{at}/tokens/{number}/rotate").text
    second = re.search(r'<code id="token">(.*)</code>', shown)
    assert second
    digests = [token_digest(resources.secret_key, s.encode()) for s in (first, second[1])]
    assert set(digests) <= let_in(resources)
    assert token_named(resources, shop, "backend (new)").scopes == ("events",)

    admin.get(f"{at}/tokens/{number}")
    refused = admin.send(f"{at}/tokens/{number}/revoke")
    assert refused.status_code == 422
    assert "Type the name to confirm: backend" in admin.text
    admin.get(f"{at}/tokens/{number}")
    admin.send(f"{at}/tokens/{number}/revoke", confirm="backend")
    assert digests[0] not in let_in(resources)
    assert "backend is permanently revoked" in admin.text


def test_every_change_stands_in_the_audit_log_with_who_made_it(admin: Browser, at: str) -> None:
    secret = add(admin, at, "backend", "events")

    shown = admin.get(f"{at}/log").text

    assert "console:Ada token.create backend" in admin.text
    assert secret not in shown


def test_a_token_of_another_app_is_not_found(
    admin: Browser, resources: Resources, shop: App, at: str
) -> None:
    add(admin, at, "backend", "everything")
    number = token_named(resources, shop, "backend").id
    admin.get("/apps/new")
    admin.send("/apps/new", name="Other")

    assert admin.get(f"{admin.path}/protection/tokens/{number}").status_code == 404


@pytest.mark.parametrize("values", [{"scope": "all"}, {"scope": ["events", "'"]}])
def test_an_unknown_scope_is_refused(admin: Browser, at: str, values: dict[str, str]) -> None:
    admin.get(f"{at}/tokens/new")

    assert admin.send(f"{at}/tokens/new", name="backend", **values).status_code == 400


def test_a_viewer_sees_tokens_and_no_way_to_change_them(
    admin: Browser, viewer: Browser, at: str
) -> None:
    add(admin, at, "backend", "everything")

    viewer.get(at)

    assert "backend" in viewer.text
    assert [form.action for form in viewer.page.forms] == ["/sign-out"]


@pytest.mark.parametrize(
    ("scopes", "reason"),
    [
        ([], "Scope must be chosen: tick what the token may be used for."),
        (["everything", "events"], "Scope must be either everything or some of the others"),
    ],
)
def test_what_a_token_may_be_used_for_is_chosen(
    admin: Browser, resources: Resources, shop: App, at: str, scopes: list[str], reason: str
) -> None:
    admin.get(f"{at}/tokens/new")

    result = admin.send(f"{at}/tokens/new", name="backend", scope=scopes)

    assert result.status_code == 422
    assert reason in admin.text
    assert list_tokens(resources, shop) == []


def test_everything_is_chosen_as_explicitly_as_a_scope(
    admin: Browser, resources: Resources, shop: App, at: str
) -> None:
    add(admin, at, "backend", "everything")
    token = token_named(resources, shop, "backend")
    assert token.scopes == ()

    page = admin.get(f"{at}/tokens/{token.id}")
    assert re.search(r'value="everything" checked', page.text)
    admin.send(f"{at}/tokens/{token.id}", scope=["events"])
    assert token_named(resources, shop, "backend").scopes == ("events",)
    admin.get(f"{at}/tokens/{token.id}")
    admin.send(f"{at}/tokens/{token.id}", scope=["everything"])
    assert token_named(resources, shop, "backend").scopes == ()
