"""Swaarm's SDKs over HTTP: a visitor clicks, installs, and is told where they came from."""

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.system.conftest import Running
from tests.system.servers import ANSWER_SECONDS_MAX, until

PHONE = "SwaarmSDK Os##iOS##;Osv##17.4##;Muf##Apple##;Model##iPhone15,2##;"
SECONDS_MAX = 60


class Sdk:
    """A device with an SDK token."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {token}", "User-Agent": PHONE}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        sent = None if body is None else gzip.compress(json.dumps(body).encode())
        encoding = {} if body is None else {"Content-Encoding": "gzip"}
        waiting = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS_MAX)
        with closing(waiting) as connection:
            connection.request(method, path, sent, {**self.headers, **encoding, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture
def sdk(running: Running) -> Iterator[Sdk]:
    waybill = running.waybill
    waybill.json("app", "set", "--app", "Shop", "--sdk-traffic")
    name = f"sdk {time.time_ns()}"
    token = waybill.json("token", "create", "--app", "Shop", "--name", name, "--sdk")["secret"]
    yield Sdk(running.port, token)
    waybill.json("app", "set", "--app", "Shop", "--no-sdk-traffic")


def test_an_install_is_credited_told_to_the_sdk_and_marked(running: Running, sdk: Sdk) -> None:
    user = f"ccb300a0-de1b-4d48-bc7e-{time.time_ns() % 10**12:012d}"
    asking = f"/attribution-data?vendorId={user}"

    until(lambda: sdk.call("GET", "/sdk-tracked-breakpoints")[0] == 200, SECONDS_MAX, "the token")
    status, click_id = sdk.call("GET", "/utm_click?site=spring.example&campaign_id=May")
    assert (status, json.loads(sdk.call("GET", asking)[1])) == (200, {"decision": None})
    event = {"typeId": None, "vendorId": user, "clickId": click_id, "id": user, "revenue": 0}
    for _ in range(2):
        assert sdk.call("POST", "/sdk", {"events": [event]})[0] == 200

    def told() -> Any:
        return json.loads(sdk.call("GET", asking)[1])

    until(lambda: told()["decision"] == "PASSED", SECONDS_MAX, "the attribution")
    assert told()["publisher"]["name"] == "spring.example"
    assert told()["ids"]["clickId"] == click_id
    exported = running.waybill.run("export", "--app", "Shop", "--period", "7d")
    stored = [json.loads(line) for line in exported.stdout.splitlines()]
    (install,) = [event for event in stored if event["user_id"] == user]
    assert (install["sdk"], install["event_id"]) == ("swaarm-ios", "__install")


def test_a_public_token_is_refused_by_every_other_endpoint(running: Running, sdk: Sdk) -> None:
    for path in ("/postback?user_id=u&event_id=purchase", "/s2sevent?user_id=u&user_ip=&user_ua="):
        assert sdk.call("GET", path)[0] in {400, 401}
    running.waybill.json("app", "set", "--app", "Shop", "--no-sdk-traffic")
    until(lambda: sdk.call("GET", "/utm_click")[0] == 403, SECONDS_MAX, "being switched off")
