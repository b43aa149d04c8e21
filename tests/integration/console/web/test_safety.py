"""Tests that no route allows what must not be possible."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import falcon
import pytest

from console.accounts.people import find_person
from console.actor import Role
from console.apps.apps import App, create_app
from console.resources import Resources
from console.web.app import create_app as create_console
from console.web.headers import CONTENT_SECURITY_POLICY
from console.web.page_request import Services
from console.web.route import Access, Route
from console.web.routes import ROUTES
from console.web.rq_dashboard import RqDashboard
from shared.clock import now_ms
from shared.database import Connection, open_pool
from shared.redis import Redis
from shared.settings import Settings
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR, PASSWORD
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE")
CHANGING = [route for route in ROUTES if route.method != "GET"]
# Changes that everybody may make to their own account.
OWN = {"/sign-in", "/sign-out", "/welcome/{secret}", "/account/password"}
OWN |= {"/account/sign-out-everywhere", "/sign-in/code"}
OWN |= {f"/account/second-factor{each}" for each in ("", "/confirm", "/codes", "/remove")}
OWN_VIEWS = {f"/apps/{{app_id:int}}/reports/views{each}" for each in ("", "/{view_id:int}/delete")}
OWN |= OWN_VIEWS
# All tables but those of sessions and attempts, which any request may write.
STATE = (
    "apps", "tokens", "event_types", "partners", "links", "people", "console_keys",
    "one_time_links", "quarantine", "events", "erasures", "retention", "alert_destinations",
    "costs", "link_prices", "saved_views", "uploads", "upload_pieces",
    "report_schedules", "report_deliveries", "second_factors", "recovery_codes",
)  # fmt: skip


def filled(path: str, app: App) -> str:
    """Fills a path with the id of an existing app, and with 1 for every other parameter."""
    path = path.replace("{app_id:int}", str(app.id))
    return re.sub(r"{[^}]*}", "1", path)


def state(connection: Connection) -> list[str]:
    """Returns everything that people can change, row by row."""
    return [
        str(row)
        for table in STATE
        for row in connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1".encode())
    ]


def called(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_a_viewer_can_change_nothing_by_any_route_and_method(
    viewer: Browser, shop: App, connection: Connection
) -> None:
    viewer.get("/account")
    csrf = viewer.page.forms[0].fields["csrf"]
    before = state(connection)

    for path in (
        {route.path for route in ROUTES} - {"/sign-out", "/account/sign-out-everywhere"} - OWN_VIEWS
    ):
        for method in METHODS:
            result = viewer.ask(
                method,
                filled(path, shop),
                body=f"csrf={csrf}&name=changed&role=admin",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            assert state(connection) == before, (method, path)
            if any(called(route) == f"{method} {path}" for route in CHANGING if path not in OWN):
                assert result.status_code == 403, (method, path)


@pytest.mark.parametrize("route", ROUTES, ids=called)
def test_nobody_gets_anything_without_signing_in(
    stranger: Browser, shop: App, route: Route, connection: Connection
) -> None:
    before = state(connection)

    result = stranger.ask(route.method, filled(route.path, shop))

    if route.access is Access.ANYBODY:
        expected = {200, 403, 410}
        if route.path.startswith("/sign-in/"):  # nothing is under way, and there is no provider
            expected = {303, 403, 404}
        assert result.status_code in expected
    else:
        assert result.status_code == 303
        assert result.headers["location"].startswith("/sign-in")
        assert result.text == ""
    assert state(connection) == before


@pytest.mark.parametrize("route", CHANGING, ids=called)
def test_a_form_without_this_sessions_token_changes_nothing(
    admin: Browser, viewer: Browser, shop: App, route: Route, connection: Connection
) -> None:
    viewer.get("/account")
    of_somebody_else = viewer.page.forms[0].fields["csrf"]
    before = state(connection)

    for token in ("", "0" * 64, of_somebody_else):
        result = admin.post(filled(route.path, shop), {"csrf": token, "name": "forged"})
        assert result.status_code == 403

    assert state(connection) == before
    assert admin.get("/account").status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://console.test.evil.test"])
def test_a_form_of_another_site_changes_nothing_even_with_the_token(
    admin: Browser, connection: Connection, origin: str
) -> None:
    admin.get("/apps/new")
    csrf = admin.page.forms[-1].fields["csrf"]

    result = admin.post("/apps/new", {"csrf": csrf, "name": "Forged"}, {"Origin": origin})

    assert result.status_code == 403
    assert connection.execute("SELECT FROM apps").fetchall() == []


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data"])
def test_only_real_forms_are_read(admin: Browser, kind: str, connection: Connection) -> None:
    admin.get("/apps/new")
    csrf = admin.page.forms[-1].fields["csrf"]

    result = admin.post("/apps/new", {"csrf": csrf, "name": "Forged"}, {"Content-Type": kind})

    assert result.status_code == 400
    assert connection.execute("SELECT FROM apps").fetchall() == []


@pytest.mark.parametrize(
    "target",
    ["https://evil.test", "//evil.test", "/\\evil.test", "\\\\evil.test", "/%09/evil.test", "evil"],
)
def test_signing_in_leads_nowhere_else(
    stranger: Browser, browser_of: Callable[[str, Role], Browser], target: str
) -> None:
    browser_of("Ada", Role.ADMIN)
    stranger.get(f"/sign-in?next={target}")
    form = stranger.page.forms[0].fields

    result = stranger.ask(
        "POST",
        "/sign-in",
        params={**form, "name": "Ada", "password": PASSWORD, "next": target},
        params_csv=False,
    )

    assert form["next"] == "/"
    assert result.headers.get("location", "/") == "/"


@pytest.mark.parametrize("path", ["/sign-in", "/apps", "/nowhere", "/static/nothing.css"])
def test_every_response_forbids_what_did_not_come_from_us(admin: Browser, path: str) -> None:
    headers = admin.ask("GET", path).headers

    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


# A script is a file of ours, with nothing between its tags.
FILES = re.compile(r'<script src="/[^"]*?(\w+)\.[^"/]*" defer></script>')
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def pages(app: App) -> Iterator[str]:
    """Yields the paths of pages; files, whose paths have an ending, are saved and never shown."""
    for route in ROUTES:
        foreign = route.path.startswith("/rq")  # foreign pages, with a policy of their own
        is_page = "secret" not in route.path and "." not in route.path
        if route.method == "GET" and is_page and not foreign:
            yield filled(route.path, app)


def test_no_page_has_anything_inline_and_names_are_shown_as_text(
    admin: Browser, resources: Resources, connection: Connection
) -> None:
    app = create_app(resources, ADMIN, MARKUP)
    connection.execute("UPDATE people SET name = %s", (MARKUP,))

    for path in pages(app):
        markup = admin.get(path).text
        assert "<script>" not in markup, path
        assert "<img src=x" not in markup, path
        assert not [name for name in admin.page.attributes if name.startswith("on")], path
        assert "style" not in {*admin.page.attributes, *admin.page.tags}, path
        files = FILES.findall(markup)
        assert len(files) == admin.page.tags.count("script"), path
        assert files in (["console"], ["console", "uplot", "charts"]), path
    assert "&lt;script&gt;" in markup


def test_what_was_typed_is_shown_again_as_text(admin: Browser) -> None:
    admin.get("/apps/new")

    markup = admin.send("/apps/new", name=MARKUP * 10).text

    assert "<script>alert" not in markup
    assert "must have 1 to 100 characters" in admin.text
    assert admin.page.forms[-1].fields["name"] == MARKUP * 10


@pytest.mark.parametrize("text", ["'; DROP TABLE people; --", "%s", "\\", "1 OR 1=1"])
def test_text_reaches_the_database_as_text(
    admin: Browser, connection: Connection, text: str
) -> None:
    admin.get("/people")
    admin.send("/people", name=text, role="viewer")

    assert find_person(connection, text).name == text


@pytest.mark.parametrize("query", ["environment=%00", "environment=x'--", "a=%ff", "a=%"])
def test_a_query_that_no_page_writes_is_refused_as_a_page(admin: Browser, query: str) -> None:
    result = admin.get(f"/apps?{query}")

    assert result.status_code in {200, 400}
    assert "html" in result.headers["content-type"]


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(stranger: Browser) -> None:
    cookie = stranger.ask("GET", "/sign-in").cookies["waybill"]

    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert cookie.path == "/"
    assert cookie.domain is None


def test_behind_tls_cookies_travel_over_tls_alone(
    settings: Settings,
    redis: Redis,
    connection: Connection,  # noqa: ARG001 - empty tables
) -> None:
    pool = open_pool(settings.database_url, "tests", 1)
    secure = replace(settings, console_url="https://console.test")
    stranger = Browser(create_console(Services(secure, pool, redis, RqDashboard(redis), now_ms)))

    result = stranger.ask("GET", "/sign-in")

    cookie = result.cookies["__Host-waybill"]
    assert cookie.secure
    assert not cookie.domain  # as the prefix demands
    assert result.headers["strict-transport-security"].startswith("max-age=")
    pool.close()


def test_methods_that_a_page_does_not_serve_are_refused_by_name(admin: Browser) -> None:
    result = admin.ask("DELETE", "/apps")

    assert result.status_code == 405
    assert result.headers["allow"] == "GET, OPTIONS"
    assert result.status == falcon.HTTP_405
