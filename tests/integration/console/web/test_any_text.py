"""Tests that no text that somebody types or sends, on any page or call, is an internal error."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from falcon import testing
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from console.accounts.api_keys import create_key
from console.actor import Role
from console.apps.apps import App
from console.apps.links import NewLink, create_link
from console.resources import Resources
from console.web.api.api_call import ApiCall, ApiEndpoint
from console.web.api.document import PREFIX
from console.web.api.endpoints import ENDPOINTS
from console.web.app import create_app
from console.web.page_request import Services
from console.web.routes import ROUTES
from shared.clock import now_ms
from shared.database import Connection, open_pool
from shared.redis import Redis
from shared.settings import Settings
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.console.web.conftest import App as Console
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
DATES = (
    *("0001-01-01", "1969-12-31", "2199-12-31", "9999-12-31", "9999-12-31T23:59:59-23:59"),
    *("2026-02-30", "0001-01-01_019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81", "9" * 5_000, "\x00"),
)
NAMES = ("from", "to", "day", "time", "since", "expires", "before", "begin", "end", "count")
# What makes pages and calls calculate with a date.
SURROUNDED = {
    "compare": "year",
    "by": "hour",
    "span": "month",
    "step": ["open", "ad revenue"],
    "address": "203.0.113.7",
    "q": "x",
}
CHOSEN = (("from",), ("to",), ("from", "to"), NAMES[2:])
DATED = re.compile(r"reports|audit|/log|/day|why|callbacks|users|past|jobs|quarantine|rejections")
text_dates = (
    st.dates().map(str)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
    | st.text(max_size=30)
)


@dataclass
class Caller:
    """A person and a program who may do everything, and the paths that there are."""

    admin: Browser
    console: Console
    authorization: str
    app: App
    link_id: int

    def filled(self, path: str) -> str:
        path = path.replace("{app_id:int}", str(self.app.id))
        return re.sub(r"{[^}]*}", "1", path.replace("{link_id:int}", str(self.link_id)))

    def page(self, path: str, query: str) -> testing.Result:
        return self.admin.ask("GET", self.filled(path), query_string=query)

    def call(
        self, method: str, path: str, query: str = "", body: str | bytes = ""
    ) -> testing.Result:
        return testing.TestClient(self.console).simulate_request(
            method,
            PREFIX + self.filled(path),
            query_string=query,
            headers={"Authorization": self.authorization, "Content-Type": "application/json"},
            body=body,
        )


@pytest.fixture
def caller(
    console: Console, admin: Browser, resources: Resources, connection: Connection, shop: App
) -> Caller:
    key = create_key(connection, SECRET_KEY, ADMIN, "any text", Role.ADMIN).secret
    link = create_link(resources, ADMIN, shop, NewLink("Acme", "Summer", "https://shop.example/"))
    return Caller(admin, console, f"Bearer {key}", shop, link.id)


def is_internal(result: testing.Result) -> bool:
    """Tells whether an answer is a fault of ours; a busy machine may be slow to connect."""
    is_away = result.status_code == 503 and "PostgreSQL is unreachable" in result.text
    return result.status_code >= 500 and not is_away


def asked(names: tuple[str, ...], text: str, known: set[str] | None = None) -> str:
    values = {**SURROUNDED, **dict.fromkeys(names, text)}
    if known is not None:
        values = {name: value for name, value in values.items() if name in known}
    return urlencode(values, doseq=True, errors="surrogatepass")


@pytest.mark.parametrize("text", DATES, ids=lambda text: ascii(text[:30]))
def test_no_date_on_any_page_is_an_internal_error(caller: Caller, text: str) -> None:
    for path in [route.path for route in ROUTES if route.method == "GET"]:
        for names in CHOSEN if DATED.search(path) else (NAMES,):
            result = caller.page(path, asked(names, text))
            assert not is_internal(result), (path, names)


@pytest.mark.parametrize("text", DATES, ids=lambda text: ascii(text[:30]))
def test_no_date_in_any_call_is_an_internal_error(caller: Caller, text: str) -> None:
    for endpoint in [endpoint for endpoint in ENDPOINTS if endpoint.method == "GET"]:
        known = {*endpoint.query, *endpoint.repeated}
        for names in CHOSEN:
            if known & {*names}:
                result = caller.call("GET", endpoint.path, asked(names, text, known))
                assert not is_internal(result), (endpoint.path, names, result.text)


@given(data=st.data(), text=text_dates)
@example(data=None, text="9999-12-31")
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_typed_as_a_date_is_answered_or_refused(
    caller: Caller, data: st.DataObject | None, text: str
) -> None:
    paths = [route.path for route in ROUTES if route.method == "GET" and DATED.search(route.path)]
    path = data.draw(st.sampled_from(paths)) if data else paths[0]
    names = data.draw(st.sampled_from(CHOSEN)) if data else NAMES

    assert not is_internal(caller.page(path, asked(names, text)))


FORMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/apps/{app_id:int}/reports/costs/price", {"per": "click", "amount": "1", "currency": "EUR"}),
    ("/apps/{app_id:int}/protection/tokens/new", {"name": "backend", "scopes": "events"}),
    ("/apps/{app_id:int}/past/recompute", {}),
    ("/apps/{app_id:int}/callbacks/log", {"state": "failed"}),
)
BODIES: tuple[tuple[str, dict[str, object]], ...] = (
    ("/apps/{app_id:int}/tokens", {"name": "backend", "expires_at": "{}T23:59:59-12:00"}),
    (
        "/apps/{app_id:int}/costs",
        {"costs": [{"day": "{}", "partner": "Acme", "currency": "EUR", "amount": "1"}]},
    ),
    (
        "/apps/{app_id:int}/links/{link_id:int}/prices",
        {"per": "install", "amount": "1", "currency": "EUR", "since": "{}"},
    ),
    ("/apps/{app_id:int}/callbacks/replay", {"state": "failed", "begin": "{}T00:00:00+14:00"}),
    ("/apps/{app_id:int}/callbacks/replay", {"state": "failed", "end": "{}T00:00:00-12:00"}),
)


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "2200-01-01", "9999-12-31"])
def test_a_day_beyond_the_bounds_is_stored_by_no_form_and_no_call(
    caller: Caller, connection: Connection, day: str
) -> None:
    caller.admin.get("/account")
    csrf = caller.admin.page.forms[0].fields["csrf"]
    costs = f"day,partner,currency,amount\n{day},Acme,EUR,1"
    for path, form in (*FORMS, ("/apps/{app_id:int}/reports/costs/upload", {"costs": costs})):
        link = {"link": str(caller.link_id)}
        values = {"csrf": csrf, **link, **dict.fromkeys(NAMES, day), **form}
        assert 400 <= caller.admin.post(caller.filled(path), values).status_code < 500, path
    for path, body in BODIES:
        sent = json.dumps(body).replace("{}", day)
        result = caller.call("PUT" if path.endswith("prices") else "POST", path, body=sent)
        assert result.status_code == 422, (path, result.text)
        assert "1970-01-01 to 2199-12-31" in result.json["error"]["message"]

    for table in ("tokens", "costs", "link_prices"):
        assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,)


@pytest.fixture
def broken(
    settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch, connection: Connection
) -> Iterator[Console]:
    """Creates a console in which a call and a page fail in a way that nobody has foreseen."""
    del connection

    def fail(_: ApiCall) -> None:
        raise ZeroDivisionError("a detail of nobody's business")

    endpoint = ApiEndpoint("GET", "/broken", "Fail.", fail, dict)
    monkeypatch.setattr("console.web.app.ENDPOINTS", (endpoint,))
    monkeypatch.setattr("console.web.app.openapi", lambda *_: {})
    monkeypatch.setattr("console.web.api.opendsr.discover", fail)
    pool = open_pool(settings.database_url, "tests", 2)
    yield create_app(Services(settings, pool, redis, None, now_ms))
    pool.close()


def test_a_program_is_told_in_json_whatever_fails(broken: Console, connection: Connection) -> None:
    key = create_key(connection, SECRET_KEY, ADMIN, "last resort", Role.ADMIN).secret
    client = testing.TestClient(broken)
    answers = {
        method + path: client.simulate_request(
            method, path, headers={"Authorization": f"Bearer {key}"}
        )
        for method, path in (
            ("GET", f"{PREFIX}/broken"),
            ("GET", "/v1/discovery"),
            ("PUT", f"{PREFIX}/broken"),
            ("PUT", "/requests"),
            ("GET", f"{PREFIX}/nowhere"),
        )
    }
    codes = [(result.status_code, result.json["error"]["code"]) for result in answers.values()]

    assert codes == [
        (500, "internal_error"),
        (500, "internal_error"),
        (405, "method_not_allowed"),
        (405, "method_not_allowed"),
        (404, "not_found"),
    ]
    assert all("nobody's business" not in result.text for result in answers.values())


BODIES_OF_NOBODY = {
    "deep": b'{"name":' + b"[" * 60_000,
    "deep and closed": b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "a large number": b'{"size_bytes":' + b"9" * 6_000 + b"}",
    "no UTF-8": b'{"name":"\xff\xfe"}',
    "half a character": b'{"name":"\\ud800","size_bytes":1}',
    "nothing": b"",
    "a list": b"[]",
}


@pytest.mark.parametrize("body", BODIES_OF_NOBODY.values(), ids=BODIES_OF_NOBODY)
def test_no_body_of_any_call_is_an_internal_error(caller: Caller, body: bytes) -> None:
    for endpoint in [endpoint for endpoint in ENDPOINTS if endpoint.body_type not in {None, bytes}]:
        result = caller.call(endpoint.method, endpoint.path, body=body)
        assert not is_internal(result), (endpoint.path, result.text)
    client = testing.TestClient(caller.console)
    for path in ("/v1/requests", "/device_service/api/v1/forget_device"):
        answer = client.simulate_post(
            path, body=body, headers={"Authorization": caller.authorization}
        )
        assert not is_internal(answer), (path, answer.text)
