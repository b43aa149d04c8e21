"""Characters that nobody sees make no other user, click, key, event, link or app, in no dialect."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec import structs

from shared.events import Event
from shared.snapshot import KnownApp, KnownEventType, Snapshot
from tests.support.build import TOKEN, grant, linked, snapshot
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import in_loop

GAID = "38400000-8cf0-11bd-b23e-10b96e40000d"
CLICK = "019b7ca9-8f2e-7000-8000-00000000000c"
JSON = {"Content-Type": "application/json"}
DEVICE = {"ip_address": "203.0.113.7", "user_agent": "UA"}
QUERIES: dict[str, dict[str, str]] = {
    "/postback": {"user_id": "u-1", "event_id": "purchase", "idempotency_key": "k-1"},
    "/postback?by=click": {"click_id": CLICK, "event_id": "purchase", "gaid": GAID},
    "/s2sevent": {"user_id": "u-1", "event_id": "purchase", "click_id": CLICK, **DEVICE},
    "/conversion": {"click_id": CLICK, "event_id": "purchase", "transaction_id": "t-1"},
    "/click": {"offer_id": "12", "pub_id": "34", "gaid": GAID},
    "/impression": {"offer_id": "12", "pub_id": "34", "gaid": GAID},
    "/event": {"app_token": "app", "event_token": "tok", "gps_adid": GAID},
    "/session": {"app_token": "app", "gps_adid": GAID},
    f"/api/v1/evt?a={TOKEN}": {"p": "Android", "i": "com.shop", "aifa": GAID, "n": "purchase"},
}
BODIES: dict[str, dict[str, Any]] = {
    "/inappevent/com.shop": {
        "appsflyer_id": "1415211453000-6513894",
        "customer_user_id": "u-1",
        "eventName": "login",
        "advertising_id": GAID,
    },
    "/v1/track": {"userId": "u-1", "event": "purchase", "messageId": "m-1"},
}
LINE = {"type": "event", "time": 1_767_323_045, "user_id": "u-1", "event_id": "purchase"}
LINE |= {"id": "l-1", "click_id": CLICK}


def published() -> Snapshot:
    apps = {"app": KnownApp(1, event_types={"tok": KnownEventType(9, "purchase")})}
    return structs.replace(linked(snapshot(1, **{TOKEN: grant()})), apps=apps)


def named(event: Event) -> tuple[object, ...]:
    devices = tuple(event.device_ids.values())
    click = event.click_id if event.endpoint not in {"/click", "/impression"} else None
    return (
        *(event.kind, event.endpoint, event.user_id, event.event_id, click, event.link_id),
        *(event.idempotency_key, event.app_id, devices),
    )


async def send(ingest: Running, around: str) -> None:
    """Sends each call once, with these characters on both sides of each value."""
    token = {"Authorization": f"Bearer {TOKEN}"}
    for target, sent in QUERIES.items():
        query = urlencode({name: f"{around}{value}{around}" for name, value in sent.items()})
        headers = {} if "offer_id" in sent else token
        path, _, own = target.partition("?")
        answer = await ingest.conductor.simulate_get(
            path, query_string=f"{own}&{query}", headers=headers
        )
        assert answer.status_code in {200, 302}, (path, answer.text)
    for path, body in BODIES.items():
        content = json.dumps({name: f"{around}{value}{around}" for name, value in body.items()})
        answer = await ingest.conductor.simulate_post(
            path, body=content.encode(), headers=JSON | token | {"authentication": TOKEN}
        )
        assert answer.status_code == 200, (path, answer.text)
    ids = {name: f"{around}{LINE[name]}{around}" for name in ("user_id", "id", "click_id")}
    answer = await ingest.batch([LINE | ids])
    assert answer.json["accepted"] == 1


@pytest.mark.parametrize("around", ["\u200b", "\ufeff", "\u2060 \u00ad", "\u202c", "\u3164"])
@in_loop
async def test_they_make_nobody_and_nothing_new_in_any_dialect(around: str) -> None:
    async with running(published()) as ingest:
        await send(ingest, "")
        plain = [named(event) for event in ingest.stored()]
    async with running(published()) as ingest:
        await send(ingest, around)
        assert [named(event) for event in ingest.stored()] == plain
    assert len(plain) == len(QUERIES) + len(BODIES) + 1


@pytest.mark.parametrize(
    "text", ["\u200b", "\ufeff\u200b ", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
)
@in_loop
async def test_an_id_of_them_alone_and_an_invented_one_name_nobody(text: str) -> None:
    async with running(published()) as ingest:
        token = {"Authorization": f"Bearer {TOKEN}"}
        for path, name in (("/postback", "user_id"), ("/postback", "click_id")):
            query = urlencode({name: text, "event_id": "purchase"})
            answer = await ingest.conductor.simulate_get(path, query_string=query, headers=token)
            assert answer.status_code == 400
            assert name in answer.text
        query = urlencode({"app_token": "app", "event_token": "tok", "gps_adid": text})
        answer = await ingest.conductor.simulate_get("/event", query_string=query)
        assert answer.status_code == 404
        answer = await ingest.batch([LINE | {"user_id": text, "click_id": text}])
        assert answer.json["accepted"] == 0
        query = urlencode({"user_id": text, "click_id": CLICK, "event_id": "purchase"})
        answer = await ingest.conductor.simulate_get("/postback", query_string=query, headers=token)
        assert answer.status_code == 200

        (event,) = ingest.stored()
        assert event.user_id == CLICK
        assert event.parameters["user_id"] == text
