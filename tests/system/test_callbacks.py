"""From a click to a partner's callback, through the real programs, while workers are killed."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

import psutil
import pytest

from tests.system.conftest import make_token
from tests.system.product import Waybill
from tests.system.servers import ANSWER_SECONDS_MAX, until

USERS = 40


class Partner:
    """A partner's server on loopback, which keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, str]]] = []
        partner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                query = {
                    name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()
                }
                partner.told.append((self.headers["webhook-id"], query))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def partner() -> Iterator[Partner]:
    partner = Partner()
    yield partner
    partner.server.shutdown()
    partner.server.server_close()


@pytest.fixture
def waybill(tmp_path: Path, partner: Partner) -> Iterator[Waybill]:
    variables = {
        "WAYBILL_CALLBACK_NETWORKS": "127.0.0.0/8,::1/128",
        "WAYBILL_CALLBACK_PORTS": str(partner.port),
    }
    with Waybill(tmp_path / "data", variables) as waybill:
        yield waybill


def get(port: int, target: str) -> str:
    """Returns where an answer leads, empty if nowhere."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS_MAX)) as connection:
        connection.request("GET", target)
        answer = connection.getresponse()
        answer.read()
    assert answer.status in {200, 302}
    return answer.headers.get("location", "")


def workers_of(waybill: Waybill) -> list[psutil.Process]:
    children = psutil.Process(waybill.process.pid).children(recursive=True)
    workers = []
    for child in children:
        with suppress(psutil.NoSuchProcess):  # it may end, or wait to be reaped, at any moment
            if "rq_settings" in " ".join(child.cmdline()):
                workers.append(child)
    return workers


def test_each_conversion_arrives_once_although_workers_are_killed(
    waybill: Waybill, partner: Partner
) -> None:
    token = make_token(waybill)
    macros = (
        "click=#{click.publisher.clickId}&kind={activity_kind}&event={event_name}&user={user_id}"
    )
    waybill.json(
        *("callback", "create", "--app", "Shop", "--partner", "Acme", "--name", "Acme"),
        *("--level", "both", "--url", f"http://localhost:{partner.port}/cb?{macros}"),
    )
    time.sleep(0.1)
    for number in range(USERS):
        parameters = {"offer_id": 1, "pub_id": 1, "pub_click_id": f"their-{number}"}
        location = get(waybill.port, f"/click?{urlencode(parameters)}")
        click_id = parse_qs(urlsplit(location).query)["clkid"][0]
        for event_id in ("__install", "purchase", "purchase"):
            query = {"s2s_token": token, "user_id": f"user-{number}", "event_id": event_id}
            get(waybill.port, f"/postback?{urlencode({**query, 'click_id': click_id})}")
        if number in {10, 25}:
            for worker in workers_of(waybill):
                with suppress(psutil.NoSuchProcess):
                    worker.kill()

    expected = Counter(
        {(f"their-{number}", kind): 1 for number in range(USERS) for kind in ("install", "event")}
    )
    until(lambda: len({each for each, _ in partner.told}) == 2 * USERS, 90, "every callback")
    time.sleep(1)

    by_id = {each: (told["click"], told["kind"]) for each, told in partner.told}
    assert Counter(by_id.values()) == expected
    log = waybill.json("callback", "log", "--app", "Shop", "--count", "200")
    assert {each["state"] for each in log["callbacks"]} == {"delivered"}
    assert len(log["callbacks"]) == 2 * USERS
    print(json.dumps({"callbacks": len(by_id), "requests": len(partner.told)}))


def test_the_urls_that_adjust_and_swaarm_document_arrive_filled_in(
    waybill: Waybill, partner: Partner
) -> None:
    token = make_token(waybill)
    base = f"http://localhost:{partner.port}/cb"
    swaarm = (
        "click=#{click.publisher.clickId}&event=#{offer.eventTypeId}&type=#{eventType.name}"
        "&status=#{status.state}"
    )
    waybill.json(
        *("callback", "create", "--app", "Shop", "--partner", "Acme", "--name", "postback link"),
        *("--level", "event", "--url", f"{base}?from=swaarm&{swaarm}"),
    )
    waybill.json(
        *("callback", "create", "--app", "Shop", "--partner", "Acme", "--name", "carried"),
        *("--level", "all", "--host", "localhost"),
    )
    types = waybill.json("event-type", "list", "--app", "Shop")["event_types"]
    event_token = {each["mapping_id"]: each["event_token"] for each in types}["purchase"]
    time.sleep(1.5)  # ingest and the workers know them
    carried = {
        "install_callback": f"{base}?from=install&country={{country}}&click_id=123",
        "click_callback": f"{base}?from=click&click_id={{click_id}}",
        f"adj_event_callback_abc123_{event_token}": f"{base}?from=event&kind={{activity_kind}}"
        "&device={idfa||gps_adid}&token={event}&unknown={no_such_placeholder}",
        "session_callback": f"http://elsewhere.example:{partner.port}/cb?from=session",
    }
    query = {"offer_id": 1, "pub_id": 1, "pub_click_id": "their 7&x=1", **carried}
    click_id = parse_qs(urlsplit(get(waybill.port, f"/click?{urlencode(query)}")).query)["clkid"][0]
    gaid = "38400000-8cf0-11bd-b23e-10b96e40000d"
    for event_id in ("__open", "purchase"):
        sent = {"s2s_token": token, "user_id": "ann", "event_id": event_id, "click_id": click_id}
        get(waybill.port, f"/postback?{urlencode({**sent, 'gaid': gaid})}")

    until(lambda: len({each for each, _ in partner.told}) == 4, 60, "every callback")
    time.sleep(1)

    told = {query["from"]: query for _, query in partner.told}
    assert told == {
        "install": {"from": "install", "click_id": "123"},
        "click": {"from": "click", "click_id": click_id},
        "event": {"from": "event", "kind": "event", "device": gaid, "token": event_token},
        "swaarm": {
            "from": "swaarm",
            "click": "their 7&x=1",
            "event": "purchase",
            "type": told["swaarm"]["type"],
            "status": "approved",
        },
    }
    log = waybill.json("callback", "log", "--app", "Shop", "--state", "withheld")["callbacks"]
    assert {(each["activity"], each["reason"]) for each in log} == {("session", "no_url")}


def test_a_partner_is_tested_from_the_click_to_the_answer(
    waybill: Waybill, partner: Partner
) -> None:
    make_token(waybill)
    url = f"http://localhost:{partner.port}/cb?click=#{{click.publisher.clickId}}&kind={{activity_kind}}"
    waybill.json(
        *("callback", "create", "--app", "Shop", "--partner", "Acme", "--name", "Acme"),
        *("--level", "both", "--url", url),
    )

    link = "https://ignored.example/click?pub_click_id=their-7"
    test = waybill.json("callback", "test-partner", "--app", "Shop", "Acme", "--link", link)["test"]

    assert test["rule"] == "click_id"
    assert {(each["activity"], each["state"]) for each in test["deliveries"]} == {
        ("install", "delivered"),
        ("event", "delivered"),
    }
    assert sorted((told["click"], told["kind"]) for _, told in partner.told) == [
        ("their-7", "event"),
        ("their-7", "install"),
    ]
