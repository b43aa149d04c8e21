"""Tests the published calls about people's data, and that nothing of an erased person is left.

The calls stand in data/privacy.json with their source. Each gets an app of its own, so that what
one has done changes no other. Imports nothing of the product.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode
from urllib.request import Request, urlopen

import psycopg
import pytest

from tests.system.product import Waybill
from tests.system.servers import until

CALLS = json.loads((Path(__file__).parent / "data" / "privacy.json").read_text())
EVENT_TOKEN = "f0ob4r"
BY_CONSOLE = ("/requests", "/discovery", "/api/", "/device_service/")
ERASE_SECONDS_MAX = 60
STEP_SECONDS_MAX = 30
LATE_SECONDS_MAX = 180

USER, DEVICE = "erika-mustermann-4711", "c0ffee00-8cf0-11bd-b23e-10b96e40000d"
ADDRESS, KEY = "81.2.69.142", "order-of-erika-1"
TRACES = (USER, DEVICE, ADDRESS, KEY, "erikas-basket")


@pytest.fixture(scope="module")
def waybill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    with Waybill(tmp_path_factory.mktemp("privacy") / "data", workers=1, console=True) as running:
        yield running


@pytest.fixture(scope="module")
def api_key(waybill: Waybill) -> str:
    made = waybill.json("key", "create", "requests", "--role", "admin")
    return str(made["secret"])


def _ask(
    url: str, method: str = "GET", body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    data = None if body is None else body.encode()
    request = Request(url, data, headers or {}, method=method)
    try:
        with urlopen(request, timeout=STEP_SECONDS_MAX) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def _with_app(text: str | None, app_token: str) -> str | None:
    """Puts an app of the test's own, and a time near now, into the parameters of a call."""
    if not text or text.startswith("{"):
        return text
    pairs = [
        (name, app_token if name == "app_token" else value)
        for name, value in parse_qsl(text, keep_blank_values=True)
        if name != "created_at"
    ]
    return urlencode(pairs)


def _call(waybill: Waybill, call: dict[str, Any], app_token: str, api_key: str) -> tuple[int, str]:
    is_of_console = call["path"].startswith(BY_CONSOLE)
    base = waybill.console_url if is_of_console else waybill.url
    query, body = (_with_app(call[part], app_token) for part in ("query", "body"))
    headers = dict(call["headers"])
    if is_of_console:
        headers["Authorization"] = f"Bearer {api_key}"
    if body and body.startswith("{"):
        body = json.dumps({**json.loads(body), "property_id": app_token})
    url = f"{base}{call['path']}?{query}" if query else base + call["path"]
    return _ask(url, call["method"], body if body is not None else "", headers)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["name"])
def test_a_published_call_gets_the_answer_that_its_page_prints(
    waybill: Waybill, api_key: str, call: dict[str, Any]
) -> None:
    app_token = f"app{CALLS.index(call)}"
    app = ("--app", app_token)
    waybill.json("app", "create", "--name", call["name"], "--app-token", app_token)
    given = ("--event-token", EVENT_TOKEN, "--mapping-id", "purchase", "--name", "Purchase")
    waybill.json("event-type", "create", *app, *given)
    parameters = dict(parse_qsl(call["query"] or call["body"] or ""))
    if "precondition" in call:
        ids = {name: parameters[name] for name in ("adid", "web_uuid") if name in parameters}
        forget = urlencode({"s2s": "1", "app_token": app_token, **ids})
        url = f"{waybill.url}/gdpr_forget_device?{forget}"
        # Each process of ingest learns of a new app, and of what was forgotten, by itself.
        until(lambda: _ask(url, "POST", "")[0] in {200, 451}, STEP_SECONDS_MAX, "forgetting")

    def answered() -> bool:
        status, body = _call(waybill, call, app_token, api_key)
        return status == call["expect"]["status"] and all(
            part in body.replace('": "', '":"') for part in call["expect"]["body_contains"]
        )

    if "precondition" in call:
        until(answered, STEP_SECONDS_MAX, "the answer")
    else:
        assert answered(), _call(waybill, call, app_token, api_key)


def test_every_store_is_empty_of_an_erased_person(waybill: Waybill) -> None:
    waybill.json("app", "create", "--name", "Erika", "--app-token", "erika")
    token = waybill.json("token", "create", "--app", "Erika", "--name", "backend")["secret"]

    def postback(**parameters: str) -> str:
        query = urlencode({"s2s_token": token, **parameters})
        status, body = _ask(f"{waybill.url}/postback?{query}")
        assert status == 200
        return body

    person = {"user_id": USER, "gaid": DEVICE, "user_ip": ADDRESS}
    until(lambda: _ask(f"{waybill.url}/postback")[0] == 401, STEP_SECONDS_MAX, "ingest")
    postback(**person, event_id="__open")
    bought = {"event_id": "purchase", "sale_amount": "5", "sale_amount_currency": "EUR"}
    postback(**person, **bought, idempotency_key=KEY, sub="erikas-basket")
    wrong = {"s2s_token": token, "user_id": USER, "event_id": "x", "sale_amount": "no"}
    refused = urlencode(wrong)
    assert _ask(f"{waybill.url}/postback?{refused}")[0] == 400
    waybill.wait_until_drained()
    assert USER in _stores(waybill)
    exported = waybill.json("privacy", "export", "--app", "Erika", "--user", USER)
    assert [len(user["events"]) for user in exported["users"]] == [2]
    preview = waybill.json("privacy", "erase", "--app", "Erika", "--user", USER, "--dry-run")
    assert preview["preview"]["counts"]["events"] == 2
    report = _report(waybill)

    waybill.json("privacy", "erase", "--app", "Erika", "--device", DEVICE, "--yes")

    def done() -> bool:
        (record,) = waybill.json("privacy", "list", "--app", "Erika")["erasures"]
        return bool(record["state"] == "done")

    until(done, ERASE_SECONDS_MAX, "the erasure")
    found = _stores(waybill)
    assert [trace for trace in TRACES if trace in found] == []
    assert _report(waybill) == report
    receipt = json.loads(postback(**person, event_id="__open")).get("receipt")
    waybill.wait_until_drained()
    # Redis's log had what arrived; it is written anew within a minute or two.
    until(
        lambda: not any(trace in _stores(waybill) for trace in TRACES),
        LATE_SECONDS_MAX,
        "Redis writing its log anew",
    )
    assert _report(waybill) == report
    assert receipt is None or waybill.json("trace", receipt)["state"] == "erased"


def _report(waybill: Waybill) -> Any:
    time.sleep(6)  # until what is stale was rolled up
    report = waybill.json("report", "--app", "Erika", "--period", "7d")["report"]
    return report["rows"], report["total"]


def _stores(waybill: Waybill) -> str:
    """Returns all rows, all values of Redis, its log, and every file that is not PostgreSQL's."""
    addresses = json.loads(next(waybill.data.rglob("addresses.json")).read_text())
    with psycopg.connect(addresses["database_url"]) as connection:
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
            "AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        rows = [
            str(row)
            for (name,) in names
            for (row,) in connection.execute(f"SELECT t::text FROM {name} AS t".encode())
        ]
    files = [
        path.read_bytes().decode("latin-1")
        for path in waybill.data.rglob("*")
        if path.is_file() and "postgres" not in path.relative_to(waybill.data).parts
    ]
    return "\n".join([*rows, *files])
