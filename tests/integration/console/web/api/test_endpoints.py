"""Tests the HTTP API: keys, every call, and the document that describes them."""

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from falcon import testing

from console.accounts.api_keys import KeyLimits, create_key, list_keys, revoke_key
from console.accounts.app_roles import grant_app
from console.accounts.people import (
    Person,
    create_person,
    deactivate_person,
    reactivate_person,
)
from console.actor import AppRole, Role
from console.apps.apps import App, app_with_id
from console.apps.links import find_partner
from console.apps.rules import read_rules
from console.audit import list_changes
from console.trials import TRIALS_AT_ONCE_MAX, one_trial
from console.web.api.api_call import ApiEndpoint
from console.web.api.document import PREFIX, plain_path
from console.web.api.endpoints import ENDPOINTS
from console.web.api.settings import AppSettings
from shared.database import Connection
from shared.errors import OperatorError
from shared.events import Event
from shared.privacy.identities import IdKind, person_id
from shared.privacy.tombstones import TombstoneReason, bury, read_tombstone_key
from shared.redis import Redis
from shared.rules import DAY_MS
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.conftest import store_event
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.console.web.conftest import App as Console
from tests.support.build import ADMIN
from tests.support.failed_job import fail_job

pytestmark = ON_ONE_PAIR
Ask = Callable[..., testing.Result]
# The body for each call that takes one.
CALLBACK_ID = "019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81"
BODIES: dict[str, dict[str, Any] | bytes] = {
    "/apps": {"name": "Second"},
    "/apps/{app_id}/settings": {
        "currency": "USD",
        "inactivity_days": 3,
        "adjust_refusals": True,
        "limits": {"bytes_per_day_max": 1_000_000},
    },
    "/apps/{app_id}/event-types": {"mapping_id": "register", "name": "Registration"},
    "/apps/{app_id}/event-types/{event_type_id}": {"multiple_postbacks": True},
    "/apps/{app_id}/links": {
        "partner": "Partner",
        "name": "Spring",
        "destination": "https://shop.example/",
    },
    "/apps/{app_id}/links/{link_id}/postback-names": {"names": {"click_id": "aff_sub3"}},
    "/apps/{app_id}/links/{link_id}/prices": {
        "per": "install",
        "amount": "1.20",
        "currency": "EUR",
        "since": "2026-11-01",
    },
    "/apps/{app_id}/costs": {
        "costs": [{"day": "2026-11-01", "partner": "Partner", "currency": "EUR", "amount": "12.50"}]
    },
    "/apps/{app_id}/links/{link_id}": {"view_through": False},
    "/apps/{app_id}/links/{link_id}/destination": {"destination": "https://new.example/"},
    **{
        f"{path}/name": {"name": "A new name"}
        for path in (
            "/apps/{app_id}",
            "/apps/{app_id}/event-types/{event_type_id}",
            "/apps/{app_id}/links/{link_id}",
            "/apps/{app_id}/tokens/{token_id}",
            "/partners/{partner_id}",
        )
    },
    "/apps/{app_id}/callback-endpoints": {
        "name": "postback",
        "partner": "Partner",
        "level": "both",
        "url": "https://receiver.invalid/cb?click=#{click.publisher.clickId}",
    },
    "/apps/{app_id}/callback-endpoints/{endpoint_id}": {
        "name": "own",
        "level": "install",
        "url": "https://receiver.invalid/other",
    },
    "/apps/{app_id}/callback-endpoints/{endpoint_id}/partner-test": {
        "link": "https://ads.invalid/click?pub_click_id=theirs"
    },
    "/apps/{app_id}/alert-destinations": {
        "name": "Slack",
        "channel": "slack",
        "target": "https://hooks.invalid/services/T1/B1/secret",
    },
    "/apps/{app_id}/alert-destinations/{destination_id}": {
        "name": "Mail",
        "channel": "mail",
        "target": "ada@example.com",
        "kinds": ["silence"],
        "silence_minutes": 15,
    },
    "/apps/{app_id}/alert-destinations/{destination_id}/test": {"kind": "quarantine"},
    "/apps/{app_id}/schedules": {
        "name": "Weekly",
        "query": "split=partner&period=last_week",
        "channel": "mail",
        "target": "ada@example.com",
        "every": "week",
        "on": 1,
        "zone": "Europe/Berlin",
    },
    "/apps/{app_id}/schedules/{schedule_id}": {
        "name": "Daily",
        "query": "",
        "channel": "webhook",
        "target": "https://receiver.invalid/reports",
    },
    "/apps/{app_id}/callbacks/replay": {"state": "failed", "begin": "2026-01-01T00:00:00Z"},
    "/apps/{app_id}/tokens": {"name": "backend", "scopes": ["events"]},
    "/apps/{app_id}/tokens/{token_id}/scopes": {"scopes": ["events", "sessions"]},
    "/apps/{app_id}/enforcement": {"scopes": ["events"]},
    "/apps/{app_id}/retention-days": {"address_days": 30, "event_days": None},
    "/apps/{app_id}/erasures/preview": {"user_id": "0000-AAAA-BBBB-CCCC"},
    "/apps/{app_id}/erasures": {"user_id": "0000-AAAA-BBBB-CCCC"},
    "/apps/{app_id}/erasures/allow": {"device_id": "a-device-that-was-erased"},
    "/apps/{app_id}/resets": {"device_id": "a-test-device"},
    "/apps/{app_id}/person-files": {"user_id": "0000-AAAA-BBBB-CCCC"},
    "/apps/{app_id}/uploads": {"name": "shop.ndjson", "size_bytes": 1},
    "/apps/{app_id}/uploads/{upload_id}/pieces/{number}": b"{",
}
# The query of each call that cannot do without.
QUERIES = {"/apps/{app_id}/funnel": "?step=open&step=Level+up"}


@pytest.fixture
def ask(console: Console, connection: Connection) -> Ask:
    """Returns a function that sends a call with a key of a role, or with another header."""

    def ask(
        method: str, path: str, role: Role = Role.ADMIN, body: object = None, header: str = ""
    ) -> testing.Result:
        if not header:
            name = f"{role} {len(list_keys(connection))}"
            header = f"Bearer {create_key(connection, SECRET_KEY, ADMIN, name, role).secret}"
        return testing.TestClient(console).simulate_request(
            method,
            PREFIX + path,
            headers={"Authorization": header, "Content-Type": "application/json"},
            body=body if isinstance(body, bytes) else json.dumps(body) if body is not None else "",
        )

    return ask


@pytest.fixture
def world(
    ask: Ask, shop: App, event: Event, connection: Connection, redis: Redis
) -> dict[str, str]:
    """Creates one of everything that a path may name."""
    store_event(connection, event)
    put_aside(connection, event)
    connection.execute(
        "INSERT INTO users (app_id, environment, user_id) VALUES (%s, 'production', %s)",
        (shop.id, event.user_id),
    )
    issued = ask("POST", f"/apps/{shop.id}/tokens", body={"name": "first"}).json
    kind = {"mapping_id": "level_up", "name": "Level up"}
    own = {
        "name": "own",
        "partner": "Partner",
        "level": "both",
        "url": "https://receiver.invalid/cb",
    }
    endpoint = ask("POST", f"/apps/{shop.id}/callback-endpoints", body=own).json["endpoint"]
    connection.execute(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state) VALUES (%s, %s, %s, 'production', 'event', %s, now(), 'failed')",
        (CALLBACK_ID, endpoint["id"], shop.id, event.receipt),
    )
    hook = {"name": "hook", "channel": "webhook", "target": "https://receiver.invalid/alert"}
    destination = ask("POST", f"/apps/{shop.id}/alert-destinations", body=hook).json
    report = {**hook, "name": "report", "query": "split=country"}
    schedule = ask("POST", f"/apps/{shop.id}/schedules", body=report).json
    connection.execute(
        "INSERT INTO report_deliveries (schedule_id, due_at, message_id, try_at)"
        " VALUES (%s, now(), %s, 'infinity')",
        (schedule["id"], CALLBACK_ID),
    )
    connection.execute(
        "INSERT INTO alerts (app_id, kind, subject, title, detail)"
        " VALUES (%s, 'quarantine', '', 'Events are in quarantine', 'Replay them.')",
        (shop.id,),
    )
    event_type = ask("POST", f"/apps/{shop.id}/event-types", body=kind).json
    wanted = {"device_id": "a-device-that-was-erased"}
    erasure = ask("POST", f"/apps/{shop.id}/erasures", body=wanted).json
    key = read_tombstone_key(connection, SECRET_KEY)
    assert key is not None
    erased = [person_id(IdKind.DEVICE, wanted["device_id"])]
    bury(connection, key, shop.id, erased, TombstoneReason.ERASED)
    uploads = f"/apps/{shop.id}/uploads"
    upload = ask("POST", uploads, body={"name": "a file", "size_bytes": 1}).json
    ask("PUT", f"{uploads}/{upload['id']}/pieces/1", body=b"{")
    new_link = BODIES["/apps/{app_id}/links"]
    assert isinstance(new_link, dict)
    spring = {**new_link, "name": "World"}
    link = ask("POST", f"/apps/{shop.id}/links", body=spring).json["link"]
    return {
        "link_id": str(link["id"]),
        "partner_id": str(find_partner(connection, link["partner"]).id),
        "app_id": str(shop.id),
        "token_id": str(issued["token"]["id"]),
        "event_type_id": str(event_type["id"]),
        "endpoint_id": str(endpoint["id"]),
        "destination_id": str(destination["id"]),
        "schedule_id": str(schedule["id"]),
        "mark": CALLBACK_ID,
        "callback_id": CALLBACK_ID,
        "user_id": event.user_id,
        "receipt": str(event.receipt),
        "erasure_id": erasure["id"],
        "job_id": fail_job(redis),
        "upload_id": str(upload["id"]),
        "number": "1",
    }


def filled(path: str, world: dict[str, str]) -> str:
    plain = plain_path(path)
    return re.sub(r"{(\w+)}", lambda name: world[name[1]], plain) + QUERIES.get(plain, "")


def called(endpoint: ApiEndpoint) -> str:
    return f"{endpoint.method} {plain_path(endpoint.path)}"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=called)
def test_every_call_gives_what_its_document_says(
    ask: Ask, world: dict[str, str], endpoint: ApiEndpoint
) -> None:
    body = BODIES.get(plain_path(endpoint.path)) if endpoint.body_type else None

    result = ask(endpoint.method, filled(endpoint.path, world), body=body)

    assert result.status_code == endpoint.status, result.text
    msgspec.json.decode(result.content, type=endpoint.result_type)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=called)
def test_a_viewers_key_reads_and_changes_nothing(
    ask: Ask, world: dict[str, str], endpoint: ApiEndpoint, connection: Connection
) -> None:
    def state() -> list[str]:
        tables = (
            *("apps", "tokens", "event_types", "links", "partners", "quarantine", "callbacks"),
            *("erasures", "tombstones", "retention", "alert_destinations", "uploads"),
            *("report_schedules", "report_deliveries"),
        )
        return [
            str(row)
            for table in tables
            for row in connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1".encode())
        ]

    before = state()
    body = BODIES.get(plain_path(endpoint.path)) if endpoint.body_type else None

    result = ask(endpoint.method, filled(endpoint.path, world), Role.VIEWER, body)

    assert result.status_code == (200 if endpoint.method == "GET" else 403)
    assert state() == before


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=called)
@pytest.mark.parametrize("header", ["Bearer wbk_unknown", "Bearer", "Basic YTpi", "none"])
def test_without_a_key_nothing_is_served(
    ask: Ask, world: dict[str, str], endpoint: ApiEndpoint, header: str
) -> None:
    result = ask(endpoint.method, filled(endpoint.path, world), header=header)

    assert result.status_code == 401
    assert result.json["error"]["code"] == "no_key"


@pytest.mark.parametrize("things", ["schedules", "alert-destinations", "callback-endpoints"])
def test_who_may_only_read_gets_no_secret_of_a_url(
    ask: Ask, shop: App, connection: Connection, things: str
) -> None:
    url = "https://receiver.invalid/in/T0LONGSECRET1LONGSECRET2LONG?key=hidden&page=1"
    bodies = {
        "schedules": {"name": "a", "channel": "webhook", "target": url, "query": ""},
        "alert-destinations": {"name": "a", "channel": "webhook", "target": url},
        "callback-endpoints": {"name": "a", "activities": ["install"], "url": url},
    }
    path = f"/apps/{shop.id}/{things}"
    assert ask("POST", path, body=bodies[things]).status_code == 201
    vera = create_person(connection, ADMIN, "Vera", Role.MEMBER)
    edward = create_person(connection, ADMIN, "Edward", Role.MEMBER)
    grant_app(connection, ADMIN, vera, shop, AppRole.VIEWER)
    grant_app(connection, ADMIN, edward, shop, AppRole.EDITOR)

    def shown(role: Role, person: Person | None = None) -> tuple[bool, bool]:
        limits = KeyLimits(maker_id=person.id) if person else KeyLimits()
        key = create_key(connection, SECRET_KEY, ADMIN, f"{role} {person}"[:40], role, limits)
        text = ask("GET", path, header=f"Bearer {key.secret}").text
        return "receiver.invalid" in text, "hidden" in text or "T0LONG" in text

    assert shown(Role.ADMIN) == shown(Role.ADMIN, edward) == (True, True)
    assert shown(Role.VIEWER) == shown(Role.ADMIN, vera) == (True, False)
    assert shown(Role.VIEWER, edward) == (True, False)


def test_trials_of_receivers_do_not_hold_all_threads(ask: Ask, world: dict[str, str]) -> None:
    paths = {
        "schedules/{schedule_id}": None,
        "alert-destinations/{destination_id}": {"kind": "quarantine"},
        "callback-endpoints/{endpoint_id}": None,
    }
    with ExitStack() as under_way:
        for _ in range(TRIALS_AT_ONCE_MAX):
            under_way.enter_context(one_trial())
        for path, body in paths.items():
            result = ask("POST", filled(f"/apps/{{app_id}}/{path}/test", world), body=body)
            assert result.status_code == 422, path
            assert "at once" in result.json["error"]["message"]


def test_a_session_is_no_key(admin: Browser) -> None:
    assert admin.ask("GET", f"{PREFIX}/apps").status_code == 401


def test_a_revoked_key_is_refused_at_once(ask: Ask, connection: Connection) -> None:
    issued = create_key(connection, SECRET_KEY, ADMIN, "old", Role.ADMIN)
    header = f"Bearer {issued.secret}"
    assert ask("GET", "/apps", header=header).status_code == 200
    assert list_keys(connection)[0].used_at is not None

    revoke_key(connection, ADMIN, issued.key.id)

    assert ask("GET", "/apps", header=header).status_code == 401


@pytest.mark.parametrize(
    ("change", "statuses"),
    [
        ("UPDATE console_keys SET expires_at = now()", (401, 401)),
        ("UPDATE people SET closed_at = now()", (401, 401)),
        ("UPDATE people SET role = 'viewer'", (200, 403)),
        ("UPDATE console_keys SET expires_at = NULL, maker_id = NULL", (200, 422)),
    ],
)
def test_a_key_can_do_no_more_than_its_maker_and_until_it_expires(
    ask: Ask, connection: Connection, change: str, statuses: tuple[int, int]
) -> None:
    maker = create_person(connection, ADMIN, "Ada", Role.ADMIN)
    limits = KeyLimits(days=1, maker_id=maker.id)
    key = create_key(connection, SECRET_KEY, ADMIN, "export", Role.ADMIN, limits)
    header = f"Bearer {key.secret}"
    assert ask("GET", "/apps", header=header).status_code == 200

    connection.execute(change.encode())

    new = ask("POST", "/apps", body={"name": ""}, header=header)
    assert (ask("GET", "/apps", header=header).status_code, new.status_code) == statuses


def test_the_keys_of_a_person_end_for_good_when_they_are_deactivated(
    ask: Ask, connection: Connection
) -> None:
    maker = create_person(connection, ADMIN, "Ada", Role.ADMIN)
    limits = KeyLimits(maker_id=maker.id)
    key = create_key(connection, SECRET_KEY, ADMIN, "export", Role.VIEWER, limits)

    deactivate_person(connection, ADMIN, maker)
    reactivate_person(connection, ADMIN, maker)

    assert ask("GET", "/apps", header=f"Bearer {key.secret}").status_code == 401
    assert "key.revoke" in [entry.action for entry in list_changes(connection, None, 9)]


def test_a_key_for_one_app_reaches_nothing_else(
    ask: Ask, shop: App, connection: Connection, world: dict[str, str]
) -> None:
    limits = KeyLimits(app_id=shop.id)
    key = create_key(connection, SECRET_KEY, ADMIN, "shop", Role.ADMIN, limits)
    header = f"Bearer {key.secret}"

    for endpoint in ENDPOINTS:
        is_own = endpoint.path.startswith("/apps/{app_id")
        path = filled(endpoint.path, world)
        assert (ask(endpoint.method, path, header=header).status_code == 403) is not is_own, path
        if is_own:
            other = filled(endpoint.path, world | {"app_id": str(shop.id + 1)})
            refused = ask(endpoint.method, other, header=header)
            assert refused.json["error"]["code"] == "key_for_one_app"


@pytest.mark.parametrize("days", [0, -1, 367, 10**9])
def test_every_new_key_expires_within_a_year(connection: Connection, days: int) -> None:
    with pytest.raises(OperatorError, match="1 to 366 days"):
        create_key(connection, SECRET_KEY, ADMIN, "export", Role.VIEWER, KeyLimits(days))


def test_a_person_makes_a_key_for_one_app_on_the_page(
    admin: Browser, shop: App, connection: Connection
) -> None:
    admin.get("/keys")
    admin.send("/keys", name="export", role="viewer", app=str(shop.id), days="30")

    (key,) = list_keys(connection)
    assert key.expires_at is not None
    assert (key.app, key.maker, key.role) == (shop.name, "Ada", Role.VIEWER)
    assert (key.expires_at - key.created_at).days == 30
    assert "read Shop Ada" in admin.text
    admin.get("/keys")
    assert admin.send("/keys", name="two", role="viewer", days="367").status_code == 422


def test_the_document_names_every_call_that_is_served_and_no_other(
    ask: Ask, console: Console
) -> None:
    document = ask("GET", "/openapi.json").json

    described = {
        (method.upper(), PREFIX + path)
        for path, methods in document["paths"].items()
        for method in methods
    }
    document_call = {("GET", f"{PREFIX}/openapi.json")}
    assert served(console) == described | document_call


def served(console: Console) -> set[tuple[str, str]]:
    """Returns the routes that the router itself has below the API's prefix."""
    routes: set[tuple[str, str]] = set()
    nodes = [(node, "") for node in console._router._roots]
    while nodes:
        node, above = nodes.pop()
        path = f"{above}/{node.raw_segment}"
        nodes += [(child, path) for child in node.children]
        if node.resource is not None and path.startswith(PREFIX):
            methods = [name for name in vars(node.resource) if name.startswith("on_")]
            routes |= {(name[3:].upper(), plain_path(path)) for name in methods}
    return routes


def test_the_document_leads_to_every_schema_that_it_names(ask: Ask) -> None:
    document = ask("GET", "/openapi.json").json

    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert named <= document["components"]["schemas"].keys()
    assert {"App", "Token", "IssuedToken", "Error"} <= named


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "name"),
        ({"name": 1}, "name"),
        ({"name": "x", "colour": "red"}, "colour"),
        ([], "object"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_by_what_is_wrong(
    ask: Ask, body: object, reason: str, connection: Connection
) -> None:
    result = ask("POST", "/apps", body=body)

    assert result.status_code == 400
    assert reason in result.json["error"]["message"]
    assert app_with_id(connection, 1) is None


def test_settings_that_are_named_change_and_the_rest_stays(
    ask: Ask, shop: App, connection: Connection
) -> None:
    at = f"/apps/{shop.id}/settings"
    ask("PATCH", at, body={"destination": "https://shop.example/", "inactivity_days": 3})

    changed = msgspec.json.decode(
        ask("PATCH", at, body={"currency": "USD", "destination": None}).content, type=AppSettings
    )

    rules = read_rules(connection, shop)
    assert (rules.inactivity_ms, rules.click_deterministic_ms) == (3 * DAY_MS, 7 * DAY_MS)
    assert (changed.name, changed.currency, changed.destination) == ("Shop", "USD", None)
    assert (changed.inactivity_days, changed.rules_version) == (3, 2)
    actions = [entry.action for entry in list_changes(connection, shop.id, 9)]
    assert actions == ["app.describe", "app.rules", "app.describe", "app.create"]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"currency": "EURO"}, 422),
        ({"inactivity_days": 366}, 422),
        ({"name": None}, 400),
        ({"rules_version": 7}, 400),
    ],
)
def test_one_wrong_setting_changes_none(
    ask: Ask, shop: App, wrong: dict[str, Any], status: int
) -> None:
    at = f"/apps/{shop.id}/settings"
    before = ask("GET", at).json

    result = ask("PATCH", at, body={"click_window_days": 9, "adjust_refusals": True, **wrong})

    assert result.status_code == status
    assert ask("GET", at).json == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/apps/999", 404),
        ("/apps/1/tokens/999/revoke", 404),
        ("/status?count=1", 400),
        ("/rejections?count=0", 400),
        ("/rejections?count=1001", 400),
        ("/apps/1/users/x?environment=staging", 400),
        ("/apps/1/users/unknown", 422),
        ("/apps/1/users/%00", 422),
        ("/apps/1/users/a%00b", 422),
        ("/apps/99999999999999999999", 404),
    ],
)
def test_what_cannot_be_done_says_why(ask: Ask, shop: App, path: str, status: int) -> None:
    assert shop.id == 1
    path, _, query = path.partition("?")
    method = "POST" if path.endswith("revoke") else "GET"

    result = ask(method, f"{path}?{query}" if query else path)

    assert result.status_code == status
    assert result.json["error"]["message"]
    assert "`" not in result.json["error"]["message"]


@pytest.mark.parametrize("path", ["/nothing", "/apps/1/nothing"])
def test_an_unknown_path_is_told_as_json(ask: Ask, path: str) -> None:
    result = ask("GET", path)

    assert (result.status_code, result.json["error"]["code"]) == (404, "not_found")


def test_callbacks_are_listed_page_by_page_and_counted_by_the_same_filters(
    ask: Ask, world: dict[str, str], connection: Connection
) -> None:
    connection.execute(
        "INSERT INTO callbacks (id, endpoint_id, app_id, environment, activity, receipt,"
        " event_time, state)"
        " SELECT gen_random_uuid(), endpoint_id, app_id, environment, 'install', receipt,"
        " event_time, 'delivered' FROM callbacks, generate_series(1, 4)"
    )
    path = f"/apps/{world['app_id']}"
    query = f"endpoint_id={world['endpoint_id']}&activity=install&state=delivered&from=2026-01-01"
    first = ask("GET", f"{path}/callbacks?{query}&count=3").json
    last = ask("GET", f"{path}/callbacks?{query}&count=3&before={quote(first['after'])}").json

    (counted,) = ask("GET", f"{path}/callback-counts?{query}").json

    assert [len(page["callbacks"]) for page in (first, last)] == [3, 1]
    assert (last["after"], counted["callbacks"]) == (None, 4)
    assert ask("GET", f"{path}/callback-counts?to=2026-01-01").json == []
    for wrong in ("state=sent", "activity=no", "from=now", "to=0001-01-01", "before=7", "count=0"):
        assert ask("GET", f"{path}/callbacks?{wrong}").status_code in {400, 422}, wrong
