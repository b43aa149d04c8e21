"""Tests the access of each route."""

from console.web.api.endpoints import ENDPOINTS
from console.web.route import Access
from console.web.routes import ROUTES

# Changes that everybody may make to their own account.
OWN = {"/sign-in", "/sign-out", "/welcome/{secret}", "/account/password"}
OWN |= {"/account/sign-out-everywhere", "/sign-in/code"}
OWN |= {f"/account/second-factor{each}" for each in ("", "/confirm", "/codes", "/remove")}
OWN |= {f"/apps/{{app_id:int}}/reports/views{each}" for each in ("", "/{view_id:int}/delete")}
CHANGING = [route for route in ROUTES if route.method != "GET"]


def test_what_changes_something_needs_an_admin_but_for_ones_own_account() -> None:
    assert {route.path for route in CHANGING if route.access is not Access.ADMIN} == OWN
    assert {route.method for route in ROUTES} == {"GET", "POST"}


def test_only_signing_in_is_open_to_anybody() -> None:
    open_paths = {route.path for route in ROUTES if route.access is Access.ANYBODY}

    assert open_paths == {
        *("/sign-in", "/sign-in/code", "/welcome/{secret}"),
        *("/sign-in/provider", "/sign-in/provider/return"),
    }


def test_a_member_reaches_outside_of_apps_only_what_leaves_other_apps_out() -> None:
    reached = {route.path for route in ROUTES if route.access is Access.MEMBER}

    own = {path for path in reached if path.startswith("/account")} | {"/sign-out"}
    assert reached == own | {
        *("/", "/apps", "/receipts/{receipt}", "/audit", "/audit.csv", "/audit.jsonl")
    }
    calls = {endpoint.path for endpoint in ENDPOINTS if endpoint.for_members}
    assert calls == {"/apps", "/audit-log", "/receipts/{receipt:uuid}"}


def test_no_path_is_served_twice_by_one_method() -> None:
    served = [(route.method, route.path) for route in ROUTES]

    assert len(served) == len(set(served))


def test_every_form_has_the_page_that_it_is_shown_on_again() -> None:
    pages = {route.path for route in ROUTES if route.method == "GET"}
    alone = {"/sign-out", "/account/sign-out-everywhere"}  # which cannot be refused

    assert {route.form for route in CHANGING} - pages == alone
