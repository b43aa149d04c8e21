"""Tests the calls that Swaarm's pages and those of its partners print, and their results here.

They stand in data/swaarm_calls.json with their source, filled in where the page has a template.
TOKEN stands for the app's token. `row` is a part of what `waybill trace` shows of an accepted call.
Where Waybill differs from Swaarm, docs/dialects/swaarm.md says why. Imports nothing of the product.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Running
from tests.system.traffic import Answer, send

CALLS = json.loads((Path(__file__).parent / "data" / "swaarm_calls.json").read_text())


@pytest.fixture(scope="module")
def answers(running: Running) -> dict[str, Answer]:
    """Returns the answers to all calls by id; they are sent at once, so that they are recorded
    together."""
    running.waybill.json(
        *("link", "create", "--app", "Shop", "--partner", "Network", "--name", "calls"),
        *("--destination", "https://shop.example/welcome"),
        *("--offer-id", "12345", "--pub-id", "1234"),
    )
    return {call["id"]: _ask(running, call) for call in CALLS}


def _ask(running: Running, call: dict[str, Any]) -> Answer:
    headers = {"Host": "track.shop.example", "Content-Length": "0", **call.get("headers", {})}
    lines = [f"{call['method']} {call['target']} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join([*lines, "", ""]).replace("TOKEN", running.token)
    (answer,) = send(running.port, [request.encode()], connections=1).answers
    return answer


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["id"])
def test_a_printed_call_is_answered_and_recorded(
    running: Running, answers: dict[str, Answer], call: dict[str, Any]
) -> None:
    answer = answers[call["id"]]

    assert answer.status == call["status"], answer.body
    if "code" in call:
        error = json.loads(answer.body)["error"]
        assert (error["code"], error["field"]) == (call["code"], call["field"])
        assert "waybill-receipt" not in answer.headers
        return
    event = running.waybill.recorded_event(answer.headers["waybill-receipt"])
    assert {name: event[name] for name in call["row"]} == call["row"]
