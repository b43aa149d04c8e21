"""Tests the calls that Adjust's pages and those of its partners print, and their results here.

They stand in data/adjust_calls.json with their source, in their order; CREATED_AT, UNIX and the
like stand for a time near now. Where Waybill differs from Adjust, docs/dialects/adjust.md says why.
Imports nothing of the product.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.system.conftest import Running
from tests.system.servers import until
from tests.system.traffic import Answer, send

CALLS = json.loads((Path(__file__).parent / "data" / "adjust_calls.json").read_text())
RECORD_SECONDS_MAX = 60

# App tokens of the pages, their event tokens, and the token that their backends hold.
APPS = {
    "abc123kuvada7": (["xyzklm"], "v8s5opi0zs45607l8h8c48wak2vxb5oe", "events"),
    "i9dukg8o5slc": ([], "a token of sessions", "sessions"),
    "a1234b2x3a4o": ([], "a token of Roku's", "sessions"),
    "abc123abc123": ([], "b9eb9d6228842aeb05d64f30d56b361e", "ad_revenue"),
}


@pytest.fixture(scope="module")
def known(running: Running) -> Running:
    """Adds the apps, event types and tokens that the calls name."""
    ask = running.waybill.json
    # The page's first app is the one that exists already.
    ask(
        *("event-type", "create", "--app", "Shop", "--event-token", "2y7e81"),
        *("--mapping-id", "guide", "--name", "Guide"),
    )
    for app_token, (event_tokens, secret, scope) in APPS.items():
        app = ("--app", app_token)
        ask("app", "create", "--name", f"App {app_token}", "--app-token", app_token)
        for token in event_tokens:
            given = ("--event-token", token, "--mapping-id", token, "--name", token)
            ask("event-type", "create", *app, *given)
        ask("token", "import", *app, "--name", "backend", "--scope", scope, given=secret)
    # Sessions of this app are enforced too, which requires a token with that scope.
    ask("token", "create", "--app", "abc123kuvada7", "--name", "s", "--scope", "sessions")
    return running


@pytest.fixture
def enforced(known: Running, call: dict[str, Any]) -> Iterator[None]:
    """Sets the enforcement that the call's page presumes."""
    app = _value(call, "app_token")
    if call.get("enforced"):
        scopes = ["--scope", "ad_revenue"] if app == "abc123abc123" else []
        if app == "abc123kuvada7":
            scopes = ["--scope", "events", "--scope", "sessions"]
        known.waybill.json("s2s-security", "enable", "--app", app, *scopes, "--yes")
    yield
    if call.get("enforced"):
        known.waybill.json("s2s-security", "disable", "--app", app)


def _value(call: dict[str, Any], name: str) -> str:
    pairs = (pair.partition("=") for pair in f"{call['query']}&{call['body']}".split("&"))
    return next((value for given, _, value in pairs if given == name), "")


def _with_times(text: str, begun: float) -> str:
    at = datetime.fromtimestamp(begun, UTC) + timedelta(hours=2)
    times = {
        "UNIX_10MIN_LATER": str(int(begun) + 600),
        "UNIX_1H_LATER": str(int(begun) + 3_600),
        "UNIX_MS": str(int(begun * 1000)),
        "UNIX": str(int(begun)),
        "CREATED_AT": quote(f"{at:%Y-%m-%dT%H:%M:%S}Z+0200", safe=""),
    }
    for name, value in times.items():
        text = text.replace(f"={name}", f"={value}")
    return text


BEGUN = time() - 86_400


def _ask(running: Running, call: dict[str, Any]) -> Answer:
    body = _with_times(call["body"], BEGUN).encode()
    target = call["path"] + ("?" + _with_times(call["query"], BEGUN) if call["query"] else "")
    headers = {"Host": "s2s.adjust.com", "Content-Length": str(len(body)), **call["headers"]}
    lines = [f"{call['method']} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join([*lines, "", ""]).encode() + body
    (answer,) = send(running.port, [request], connections=1).answers
    return answer


def _recorded_event(running: Running, receipt: str) -> dict[str, Any]:
    trace: dict[str, Any] = {}

    def left() -> bool:
        trace.update(running.waybill.json("trace", receipt))
        return bool(trace["state"] != "queued")

    until(left, RECORD_SECONDS_MAX, "the call being recorded")
    assert trace["state"] == "recorded", trace
    event = trace["event"]
    assert isinstance(event, dict)
    return event


@pytest.mark.usefixtures("enforced")
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["id"])
def test_a_printed_call_gets_the_published_answer(known: Running, call: dict[str, Any]) -> None:
    answer = _ask(known, call)

    expected = call["expect"]
    assert answer.status == expected["status"], answer.body
    body = answer.body.decode()
    assert body == expected.get("body", body)
    assert body.startswith(expected.get("prefix", ""))
    if "json" in expected:
        document = json.loads(body)
        assert list(document) == ["app_token", "adid", "timestamp", "message", "ask_in"]
        assert document == document | expected["json"]
    assert ("waybill-receipt" in answer.headers) is (answer.status == 200)


def test_what_a_call_said_is_in_its_row(known: Running) -> None:
    call = next(call for call in CALLS if call["id"] == "docs-guide-event")

    event = _recorded_event(known, _ask(known, call).headers["waybill-receipt"])

    assert (event["kind"], event["endpoint"], event["event_id"]) == ("event", "/event", "guide")
    assert event["user_id"] == "59e27f41-a86b-4560-b585-63161f871c4b"  # the IDFV before the IDFA
    assert (event["sale_amount"], event["sale_amount_currency"]) == ("19.99", "USD")
    assert event["environment"] == "sandbox"
    assert event["would_refuse"] == "wrong_token"
    assert event["device_ids"]["idfa"] == "29DDE430-CE81-4F00-A50C-689595AAD142"
    assert json.loads(event["parameters"]["callback_params"])["txn_id"] == "8837853376"
    assert "ADD_YOUR" not in json.dumps(event)


def test_ad_revenue_is_a_kind_of_its_own(known: Running) -> None:
    call = next(call for call in CALLS if call["id"] == "docs-adrevenue")

    event = _recorded_event(known, _ask(known, call).headers["waybill-receipt"])

    assert event["kind"] == "ad_revenue"
    assert (event["sale_amount"], event["ad_impressions"]) == ("0.01", 1)
    assert (event["unmapped"], event["would_refuse"]) == (False, None)
