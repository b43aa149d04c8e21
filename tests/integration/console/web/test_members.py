"""Tests that a member reaches the apps of their roles, and nothing of any other, by any route.

The routes are those of Falcon's router, so that a page or a call that is added is walked too.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pytest
from falcon import inspect

from console.accounts.api_keys import KeyLimits, create_key
from console.accounts.app_roles import grant_app, revoke_app
from console.accounts.people import Person, find_person, set_role
from console.actor import AppRole, Role
from console.apps.apps import App, app_with_id, create_app
from console.apps.links import NewLink, create_link
from console.audit import list_changes
from console.resources import Resources
from console.web.api.document import PREFIX
from shared.clock import now_ms
from shared.database import Connection
from shared.errors import NotAllowed
from shared.redis import Redis
from shared.rejections import encode_rejection
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.api import test_endpoints
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.console.web.conftest import App as Console
from tests.integration.counted import store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN, rejection
from tests.support.redis_names import NAMES

pytestmark = ON_ONE_PAIR
ask, world = test_endpoints.ask, test_endpoints.world
Ask = test_endpoints.Ask
OTHER = "Qxlm"  # the name of the app that the member does not reach
# Of the other app: its name, which its links and receivers have too, and its event's address.
TELLING = (OTHER, "abc123def456", "2001:db8::7")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Without an app in the path: these answer a member, each without what is of other apps.
FOR_MEMBERS = {"/", "/apps", "/account", "/audit", "/audit.csv", "/audit.jsonl"}
FOR_MEMBERS |= {"/receipts/{receipt}"}
FOR_MEMBERS |= {f"/account/second-factor{each}" for each in ("", "/confirm", "/codes", "/remove")}
FOR_MEMBERS |= {f"{PREFIX}{path}" for path in ("/apps", "/audit-log", "/openapi.json")}
FOR_MEMBERS |= {f"{PREFIX}/receipts/{{receipt:uuid}}"}
FOR_ANYBODY = (
    *("/sign-in", "/welcome/", "/static/", "/health/"),
    *("/discovery", "/v1/discovery", "/api/gdpr/v1/discovery"),
)
OPEN_DSR = ("/requests", "/v1/requests", "/api/gdpr/v1/", "/device_service/")
ERASURE_REQUEST = {
    "subject_request_id": "a7551968-d5d6-44b2-9831-815ac9017798",
    "subject_request_type": "erasure",
    "subject_identities": [{"identity_type": "adjust_id", "identity_value": "a-device"}],
    "property_id": OTHER,
}
ENDS_SESSIONS = {"/sign-out", "/account/sign-out-everywhere", "/account/password"}
FORM = {"name": "changed", "role": "admin", "email": "x@y.example", "mark": "1", "per": "install"}


@pytest.fixture
def other(world: dict[str, str], shop: App, connection: Connection) -> App:
    """Gives the app of the world, with one of everything, a name that is nowhere else."""
    del world
    connection.execute("UPDATE apps SET name = %s WHERE id = %s", (OTHER, shop.id))
    for table, column in (
        *(("links", "name"), ("links", "destination"), ("event_types", "name")),
        *(("callback_endpoints", "name"), ("callback_endpoints", "url"), ("tokens", "name")),
        *(("alert_destinations", "name"), ("alert_destinations", "target")),
        *(("report_schedules", "name"), ("report_schedules", "target")),
    ):
        value = f"https://{OTHER}.invalid/" if column in {"url", "target", "destination"} else OTHER
        connection.execute(f"UPDATE {table} SET {column} = %s || id".encode(), (value,))
    found = app_with_id(connection, shop.id)
    assert found is not None
    return found


@pytest.fixture
def game(resources: Resources) -> App:
    """Creates the member's own app."""
    return create_app(resources, ADMIN, "Game", "game00game00")


@pytest.fixture
def mia(
    browser_of: Callable[[str, Role], Browser], connection: Connection, game: App
) -> tuple[Browser, Person]:
    """Returns the browser of an editor of the game, and the editor."""
    browser = browser_of("Mia", Role.MEMBER)
    person = grant_app(connection, ADMIN, find_person(connection, "Mia"), game, AppRole.EDITOR)
    return browser, person


def routes(console: Console) -> Iterator[tuple[str, str]]:
    """Yields method and path of everything that the console serves to who is signed in."""
    for route in inspect.inspect_routes(console):
        if route.path.startswith(FOR_ANYBODY) or route.path in ENDS_SESSIONS:
            continue
        for method in route.methods:
            if method.method in METHODS and not method.internal:  # a refusal of the method
                yield method.method, route.path


def filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"{(\w+)[^}]*}", lambda name: values.get(name[1], "1"), path)


def rows_of(connection: Connection, app: App) -> dict[str, list[str]]:
    """Returns all rows of an app, and those that belong to the whole installation."""
    named = connection.execute(
        "SELECT table_name FROM information_schema.columns JOIN pg_class ON relname = table_name"
        " WHERE column_name = 'app_id' AND table_schema = current_schema() AND NOT relispartition"
        " ORDER BY 1"
    ).fetchall()
    state = {
        name: [
            str(row)
            for row in connection.execute(
                f"SELECT t::text FROM {name} AS t WHERE app_id = %s ORDER BY 1".encode(), (app.id,)
            )
        ]
        for (name,) in named
    }
    for name in ("people", "console_keys", "app_roles"):
        # When a key was last used is the only thing that any call writes.
        rows = connection.execute(f"SELECT t.* FROM {name} AS t ORDER BY 1, 2".encode())
        state[name] = [str(row[:4]) for row in rows]
    return state


class Visitor:
    """A member with a browser and an API key, who calls any route."""

    def __init__(self, browser: Browser, ask: Ask, key: str) -> None:
        self._browser, self._ask, self._header = browser, ask, f"Bearer {key}"
        browser.get("/account")
        self._csrf = browser.page.forms[0].fields["csrf"]

    def call(
        self, method: str, path: str, target: str, values: Mapping[str, str] = MappingProxyType({})
    ) -> Any:
        """Calls a page with the session, and anything else with the key."""
        if path.startswith(PREFIX):
            plain = re.sub(r"{(\w+):\w+}", r"{\1}", path.removeprefix(PREFIX))
            body = test_endpoints.BODIES.get(plain) if method != "GET" else None
            query = test_endpoints.QUERIES.get(plain, "")
            target = target.removeprefix(PREFIX) + query
            return self._ask(method, target, body=body, header=self._header)
        if path.startswith(OPEN_DSR):
            headers, sent = {"Authorization": self._header}, json.dumps(ERASURE_REQUEST)
            return self._browser.ask(method, target, headers=headers, body=sent)
        if method == "GET":
            return self._browser.ask("GET", target)
        fields = {**FORM, **values, "csrf": self._csrf}
        form = "&".join(f"{name}={value}" for name, value in fields.items())
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._browser.ask(method, target, body=form, headers=headers)


@pytest.fixture
def visitor(mia: tuple[Browser, Person], ask: Ask, connection: Connection) -> Visitor:
    browser, person = mia
    limits = KeyLimits(maker_id=person.id)
    return Visitor(
        browser, ask, create_key(connection, SECRET_KEY, ADMIN, "m", Role.ADMIN, limits).secret
    )


def test_of_an_app_without_a_role_no_route_shows_or_changes_anything(
    console: Console, visitor: Visitor, other: App, world: dict[str, str], connection: Connection
) -> None:
    before, walked = rows_of(connection, other), 0

    for method, path in routes(console):
        result = visitor.call(method, path, filled(path, world))

        if path not in FOR_MEMBERS:
            # OpenDSR has a status of its own for an app that it does not know.
            expected = {400, 404} if path.startswith(OPEN_DSR) else {404}
            assert result.status_code in expected, (method, path, result.text)
        walked += 1
        for telling in TELLING:
            assert telling not in result.text, (method, path, telling)

    assert walked > 200
    assert rows_of(connection, other) == before


def test_in_ones_own_app_the_numbers_of_another_apps_things_lead_nowhere(
    console: Console,
    visitor: Visitor,
    other: App,
    game: App,
    world: dict[str, str],
    connection: Connection,
) -> None:
    before = rows_of(connection, other)

    for method, path in routes(console):
        result = visitor.call(method, path, filled(path, world | {"app_id": str(game.id)}))
        for telling in TELLING:
            assert telling not in result.text, (method, path, telling)

    assert rows_of(connection, other) == before


def test_an_app_out_of_reach_is_answered_like_one_that_does_not_exist(
    visitor: Visitor, other: App
) -> None:
    for path in ("/apps/{}", f"{PREFIX}/apps/{{}}"):
        hidden, missing = (
            visitor.call("GET", path, path.format(number)) for number in (other.id, other.id + 999)
        )
        assert (hidden.status_code, hidden.text) == (missing.status_code, missing.text)


def test_an_erasure_of_another_app_is_answered_like_one_that_does_not_exist(
    visitor: Visitor, game: App, other: App, world: dict[str, str]
) -> None:
    del other
    path = f"{PREFIX}/apps/{game.id}/erasures"
    hidden, missing = (
        visitor.call("GET", path, f"{path}/{number}") for number in (world["erasure_id"], uuid4())
    )
    assert (hidden.status_code, hidden.text) == (missing.status_code, missing.text)
    assert hidden.status_code == 404


def test_a_receipt_of_another_app_is_unknown_to_a_member(
    visitor: Visitor, game: App, other: App, world: dict[str, str]
) -> None:
    del other
    receipt = world["receipt"]
    page = visitor.call("GET", "/receipts/", f"/receipts/{receipt}")
    traced = visitor.call("GET", f"{PREFIX}/receipts/", f"{PREFIX}/receipts/{receipt}")
    found = visitor.call("GET", "/apps/", f"/apps/{game.id}/users?q={receipt}")

    assert ">unknown<" in page.text
    assert traced.json["state"] == "unknown"
    assert found.status_code == 200
    assert "No results" in found.text


def test_the_file_of_a_person_has_no_refused_request_of_another_app_or_of_nobody(
    visitor: Visitor, game: App, other: App, connection: Connection, redis: Redis
) -> None:
    """Whoever may send events chooses the ID of a person, such as a word of many requests."""
    store(connection, fresh(app_id=game.id, user_id="sandbox"))
    for app_id in (game.id, other.id, None):
        parameters = {"environment": "sandbox", "order": f"order of {app_id}"}
        refused = rejection(at_ms=now_ms(), app_id=app_id, parameters=parameters)
        redis.xadd(NAMES.rejections, {"r": encode_rejection(refused)})
    path, form = f"/apps/{game.id}/privacy/file", {"kind": "user", "id": "sandbox"}

    file = visitor.call("POST", path, path, form).json

    assert [each["app_id"] for each in file["rejections"]] == [game.id]


def test_the_overview_of_an_app_tells_a_member_nothing_of_the_installation(
    visitor: Visitor, game: App, redis: Redis
) -> None:
    redis.xadd(NAMES.inbox, {"of": "another app"}, id=f"{now_ms() - 600_000}-1")
    path = f"{PREFIX}/apps/{game.id}/overview"

    assert visitor.call("GET", path, path).json["attention"] == []


def test_the_page_of_a_link_leads_a_member_nowhere_that_answers_with_404(
    mia: tuple[Browser, Person], admin: Browser, game: App, resources: Resources
) -> None:
    link = create_link(resources, ADMIN, game, NewLink("Acme", "Summer", "https://shop.example/"))
    path = f"/apps/{game.id}/links/{link.id}"
    browser, _ = mia

    assert 'href="/partners"' in admin.get(path).text
    assert 'href="/partners"' not in browser.get(path).text
    assert "Acme" in browser.text


def test_lists_and_the_audit_log_leave_other_apps_out(
    visitor: Visitor, game: App, other: App, resources: Resources
) -> None:
    names = [app["name"] for app in visitor.call("GET", PREFIX, f"{PREFIX}/apps").json]
    log = visitor.call("GET", PREFIX, f"{PREFIX}/audit-log?count=1000").json["entries"]
    asked = visitor.call("GET", PREFIX, f"{PREFIX}/audit-log?app={other.name}")
    unknown = visitor.call("GET", PREFIX, f"{PREFIX}/audit-log?app=nothing")

    assert names == [game.name]
    assert {entry["app"] for entry in log} == {game.name}
    assert (asked.status_code, asked.text) == (unknown.status_code, unknown.text)
    assert len(list_changes(resources.connection, other.id, 100)) > 1


def test_the_files_of_the_audit_log_leave_other_apps_out_and_its_chain_is_not_for_members(
    mia: tuple[Browser, Person], game: App, other: App
) -> None:
    browser, _ = mia
    files = [browser.get(f"/audit.{form}").text for form in ("csv", "jsonl")]

    assert all(game.name in text and other.name not in text for text in files)
    assert browser.get(f"/audit.csv?app={other.name}").status_code == 422
    assert browser.get("/audit/chain").status_code == 404


def test_an_admin_finds_the_way_to_every_page_from_an_app_that_does_not_exist(
    admin: Browser,
) -> None:
    assert admin.get("/apps/999").status_code == 404
    assert "API keys" in admin.text


def test_an_editor_changes_the_app_and_is_named_in_its_audit_log(
    mia: tuple[Browser, Person], game: App, connection: Connection
) -> None:
    browser, _ = mia
    browser.get(f"/apps/{game.id}/settings")
    browser.send(f"/apps/{game.id}/settings", currency="USD")

    changed = app_with_id(connection, game.id)
    assert changed is not None
    assert changed.currency == "USD"
    assert list_changes(connection, game.id, 1)[0].actor == "console:Mia"


def test_a_viewer_of_an_app_sees_it_and_changes_nothing(
    mia: tuple[Browser, Person], game: App, connection: Connection
) -> None:
    browser, person = mia
    grant_app(connection, ADMIN, person, game, AppRole.VIEWER)
    browser.get("/account")
    csrf = browser.page.forms[0].fields["csrf"]

    assert browser.get(f"/apps/{game.id}").status_code == 200
    refused = browser.post(f"/apps/{game.id}/settings", {"csrf": csrf, "currency": "USD"})
    assert refused.status_code == 403
    assert browser.get(f"/apps/{game.id}/links/new").status_code == 403


def test_a_role_that_is_taken_away_ends_at_once(
    mia: tuple[Browser, Person], game: App, connection: Connection
) -> None:
    browser, person = mia
    assert browser.get(f"/apps/{game.id}").status_code == 200

    revoke_app(connection, ADMIN, person, game)

    assert browser.get(f"/apps/{game.id}").status_code == 404
    entry = list_changes(connection, game.id, 1)[0]
    assert (entry.action, entry.subject) == ("app.role", "Mia")
    assert (entry.before, entry.after) == ({"role": "editor"}, {"role": None})


def test_a_key_for_one_app_of_a_member_ends_with_the_role(
    ask: Ask, mia: tuple[Browser, Person], game: App, connection: Connection
) -> None:
    _, person = mia
    limits = KeyLimits(app_id=game.id, maker_id=person.id)
    key = create_key(connection, SECRET_KEY, ADMIN, "game", Role.VIEWER, limits)
    header, path = f"Bearer {key.secret}", f"/apps/{game.id}/settings"

    assert ask("GET", path, header=header).status_code == 200
    assert ask("PATCH", path, body={"currency": "USD"}, header=header).status_code == 403
    revoke_app(connection, ADMIN, person, game)
    assert ask("GET", path, header=header).status_code == 404


def test_an_admin_who_becomes_a_member_keeps_no_access_by_an_old_key(
    ask: Ask,
    browser_of: Callable[[str, Role], Browser],
    game: App,
    connection: Connection,
) -> None:
    browser_of("Ada", Role.ADMIN)
    browser = browser_of("Bob", Role.ADMIN)
    bob = find_person(connection, "Bob")
    limits = KeyLimits(maker_id=bob.id)
    key = create_key(connection, SECRET_KEY, ADMIN, "bob", Role.ADMIN, limits)

    set_role(connection, ADMIN, bob, Role.MEMBER)

    for path in (f"/apps/{game.id}", "/status", "/quarantine", "/partners", "/jobs"):
        assert ask("GET", path, header=f"Bearer {key.secret}").status_code == 404
    assert browser.get("/people").status_code == 404
    assert browser.get("/operations").status_code == 404


def test_who_is_bound_to_one_app_can_write_down_no_change_of_another(
    resources: Resources, game: App, other: App, mia: tuple[Browser, Person]
) -> None:
    """The second line of defence: an entry is written in the transaction of its change."""
    _, person = mia
    actor = replace(person.actor, role=Role.ADMIN, app_id=game.id)

    with pytest.raises(NotAllowed):
        create_app(resources, actor, "New")
    with pytest.raises(NotAllowed):
        grant_app(resources.connection, actor, person, other, AppRole.EDITOR)

    names = resources.connection.execute("SELECT name FROM apps ORDER BY 1").fetchall()
    assert names == [("Game",), (other.name,)]
    assert find_person(resources.connection, "Mia").apps == person.apps


def test_the_people_page_gives_and_takes_roles_in_apps(
    admin: Browser, game: App, connection: Connection
) -> None:
    admin.get("/people")
    admin.send("/people", name="Mia", role="member")
    number = find_person(connection, "Mia").id
    admin.get("/people")
    admin.send(f"/people/{number}/apps", app=game.name, app_role="editor")
    given = find_person(connection, "Mia").apps
    assert "Game (editor)" in admin.text

    admin.send(f"/people/{number}/apps", app=game.name, app_role="none")

    assert [(grant.app, grant.role) for grant in given] == [("Game", AppRole.EDITOR)]
    assert find_person(connection, "Mia").apps == ()
