"""Users of every other dialect are attributed to the link that brought them, in the tables.

Imports nothing of the product.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.system.conftest import Running
from tests.system.servers import until
from tests.system.test_clicks import make_link
from tests.system.traffic import Answer, get, send

RECORD_SECONDS_MAX = 60

Call = Callable[[str, str, str], bytes]  # of the token, a device and the click ID


def post(target: str, body: Any, headers: str) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {target} HTTP/1.1\r\nHost: w\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n{headers}\r\n"
    )
    return head.encode() + content


def by_appsflyer(token: str, device: str, _: str) -> bytes:
    value = json.dumps({"af_revenue": "12.50", "af_currency": "EUR"})
    event = {"appsflyer_id": f"1415211453000-{device[:4]}", "customer_user_id": f"u-{device}"}
    event |= {"eventName": "purchase", "eventValue": value, "advertising_id": device}
    return post("/inappevent/com.example.shop", event, f"authentication: {token}\r\n")


def by_network(token: str, _: str, click_id: str) -> bytes:
    sale = "amount=12,50&currency=eur&goal=purchase&status=approved"
    return get(f"/conversion?s2s_token={token}&transaction_id={click_id}&{sale}")


def by_keitaro(token: str, _: str, click_id: str) -> bytes:
    return get(f"/{token}/postback?subid={click_id}&payout=12.5&currency=EUR&event=purchase&tid=2")


def by_voluum(token: str, _: str, click_id: str) -> bytes:
    sale = "payout=12.5&currency=EUR&et=purchase&txid=order-1"
    return get(f"/postback?s2s_token={token}&cid={click_id}&{sale}")


def by_segment(token: str, device: str, _: str) -> bytes:
    context = {"os": {"name": "Android"}, "device": {"advertisingId": device}}
    event = {"userId": f"u-{device}", "event": "purchase", "context": context, "messageId": device}
    event |= {"properties": {"revenue": 12.5, "currency": "eur"}}
    key = b64encode(f"{token}:".encode()).decode()
    return post("/v1/track", event, f"Authorization: Basic {key}\r\n")


def by_page(token: str, device: str, click_id: str) -> bytes:
    page = {"url": f"https://shop.example/welcome?clkid={click_id}"}
    event = {"anonymousId": device, "event": "purchase", "context": {"page": page}}
    event |= {"properties": {"revenue": 12.5, "currency": "EUR"}, "writeKey": token}
    return post("/v1/track", event, "")


def by_singular(token: str, device: str, _: str) -> bytes:
    sale = "n=purchase&amt=12.50&cur=EUR&is_revenue_event=true"
    return get(f"/api/v1/evt?a={token}&p=Android&i=com.shop&asid={uuid4()}&aifa={device}&{sale}")


CALLS: dict[str, Call] = {
    "appsflyer": by_appsflyer,
    "network": by_network,
    "keitaro": by_keitaro,
    "voluum": by_voluum,
    "segment": by_segment,
    "segment page": by_page,
    "singular": by_singular,
}


@pytest.fixture(scope="module")
def linked(running: Running) -> Running:
    make_link(running.waybill, "https://shop.example/welcome", "61", "62")
    return running


def ask(running: Running, request: bytes) -> Answer:
    (answer,) = send(running.port, [request], connections=1).answers
    return answer


@pytest.mark.parametrize("dialect", CALLS)
def test_a_purchase_counts_for_the_link_that_brought_its_user(
    linked: Running, dialect: str
) -> None:
    device = str(uuid4())
    clicked = ask(linked, get(f"/click?offer_id=61&pub_id=62&gps_adid={device}"))
    click = linked.waybill.recorded_event(clicked.headers["waybill-receipt"])

    answer = ask(linked, CALLS[dialect](linked.token, device, click["click_id"]))

    assert answer.status == 200, answer.body
    event = linked.waybill.recorded_event(answer.headers["waybill-receipt"])
    assert (event["event_id"], float(event["sale_amount"])) == ("purchase", 12.5)
    assert event["sale_amount_currency"] == "EUR"

    def attributions() -> Any:
        return linked.waybill.json("user", "Shop", event["user_id"])["attributions"]

    until(lambda: bool(attributions()), RECORD_SECONDS_MAX, "the attribution")
    (attribution,) = attributions()
    assert attribution["click_id"] == click["click_id"]
    assert attribution["rule"] != "organic"


def test_a_network_with_names_of_its_own_is_read_by_those_of_its_link(linked: Running) -> None:
    named = linked.waybill.json(
        *("link", "postback-names", "--app", "Shop", "--link", "link 61"),
        *("--name", "click_id=aff_sub3", "--name", "amount=commission"),
    )
    assert named["conversion_url"].endswith("/conversion?offer_id=61&pub_id=62&s2s_token=TOKEN")
    clicked = ask(linked, get("/click?offer_id=61&pub_id=62"))
    click = linked.waybill.recorded_event(clicked.headers["waybill-receipt"])
    target = named["conversion_url"].partition(str(linked.waybill.url))[2]
    sale = f"aff_sub3={click['click_id']}&commission=7&cid=campaign&txid=1"
    call = get(f"{target.replace('TOKEN', linked.token)}&{sale}")

    until(lambda: ask(linked, call).status == 200, RECORD_SECONDS_MAX, "the names in ingest")
    rejected = ask(linked, get(f"{target.replace('TOKEN', linked.token)}&{sale}&status=rejected"))

    event = linked.waybill.recorded_event(rejected.headers["waybill-receipt"])
    assert (event["event_id"], float(event["sale_amount"])) == ("conversion_rejected", -7)
    user = linked.waybill.json("user", "Shop", click["click_id"])
    assert sorted(each["event_id"] for each in user["events"]) == [
        "conversion",
        "conversion_rejected",
    ]


def test_a_compressed_batch_of_segment_becomes_rows_each_once(linked: Running) -> None:
    user = f"u-{uuid4()}"
    calls = [
        {"type": "identify", "userId": user, "messageId": f"{user}-1"},
        {"type": "track", "userId": user, "event": "signup", "messageId": f"{user}-2"},
        {"type": "track", "userId": user},
    ]
    body = gzip.compress(json.dumps({"batch": calls, "writeKey": linked.token}).encode())
    head = (
        "POST /v1/batch HTTP/1.1\r\nHost: w\r\nContent-Type: application/json\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(2):
        answer = ask(linked, head.encode() + body)
        assert (answer.status, answer.headers["waybill-rejected"]) == (200, "1")

    def stored() -> list[str]:
        found = linked.waybill.run("user", "Shop", user, "--json")
        events = json.loads(found.stdout)["events"] if found.returncode == 0 else []
        return sorted(event["event_id"] for event in events)

    until(lambda: stored() == ["identify", "signup"], RECORD_SECONDS_MAX, "the rows")
