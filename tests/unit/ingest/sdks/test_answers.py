"""What SDKs are answered: text where they shall come back, attributions once they are known."""

import gzip
import re
from typing import Any

import pytest

from shared.device_ids import adid_of
from shared.events import Environment
from shared.rejections import recent_rejections
from shared.sdk.known_attributions import KnownAttribution, place_name, publish, user_name
from tests.support.build import NOW_MS
from tests.unit.ingest.harness import Running, running, stored
from tests.unit.ingest.sdks.sdk_app import (
    APP_TOKEN,
    BY_NAME,
    CALLS,
    SDK_TOKEN,
    sdk_ingest,
    sdk_snapshot,
    send,
    send_batch,
    send_form,
)
from tests.unit.loop import in_loop

DEVICE = "29e1aeef-22dc-4a45-19d2-64f736b4616b"
CALL = f"app_token={APP_TOKEN}&web_uuid={DEVICE}&created_at=2026-01-02T03:04:05.000Z%2B0000"
PAID = KnownAttribution(
    NOW_MS,
    network="Acme",
    campaign="Spring",
    adgroup="shoes",
    click_id="01dWTBYnLv3fPLi3y3psrs",
    offer_id="36",
    pub_id="3",
    sub_id="abc",
    deep_link="shop://sale/7",
)
BEARER = {"Authorization": f"Bearer {SDK_TOKEN}"}
WRITING = [
    call
    for call in CALLS
    if call["path"] in {"/sdk", "/websdk", "/session", "/event", "/sdk_click", "/utm_click"}
    and call["method"] != "OPTIONS"
    and call["expect"]["status"] == 200
]


def known(ingest: Running, user_id: str, attribution: KnownAttribution) -> None:
    name = user_name(1, Environment.PRODUCTION, adid_of(1, user_id))
    publish(ingest.redis, {name: attribution}, NOW_MS)


@pytest.mark.parametrize("call", WRITING, ids=[call["name"] for call in WRITING])
@in_loop
async def test_what_has_to_come_again_is_refused_in_text_that_any_page_may_read(
    call: dict[str, Any],
) -> None:
    async with sdk_ingest() as ingest:
        ingest.parts.gate.shedding = True
        answer = await send(ingest, call)
        assert answer.status_code == 503
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "Retry-After" in answer.headers
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert not answer.text.startswith("{")  # JSON would be the end of the event


@in_loop
async def test_an_sdk_asks_again_until_the_attribution_is_known_and_then_has_it() -> None:
    async with sdk_ingest() as ingest:
        asking = BY_NAME["adjust-web-attribution"]
        pending = await send(ingest, asking)
        known(ingest, DEVICE, PAID)
        found = await send(ingest, asking)
    assert pending.json["ask_in"] == 2000
    assert "ask_in" not in found.json
    assert found.json["adid"] == pending.json["adid"] == adid_of(1, DEVICE)
    assert found.json["attribution"] == {
        "tracker_token": "36",
        "tracker_name": "Acme::Spring::shoes",
        "network": "Acme",
        "campaign": "Spring",
        "adgroup": "shoes",
        "deeplink": "shop://sale/7",
        "state": "installed",
    }


@in_loop
async def test_an_organic_user_has_an_attribution_for_both_kinds_of_sdk() -> None:
    async with sdk_ingest() as ingest:
        known(ingest, DEVICE, KnownAttribution(NOW_MS))
        adjust = await send(ingest, BY_NAME["adjust-web-attribution"])
        swaarm = await ingest.conductor.simulate_get(
            "/attribution-data", query_string=f"vendorId={DEVICE}", headers=BEARER
        )
    assert adjust.json["attribution"]["network"] == "Organic"
    assert "ask_in" not in adjust.json
    assert swaarm.json == {"decision": "PASSED"}


@in_loop
async def test_swaarms_attribution_has_texts_only_and_a_decision_once_it_is_known() -> None:
    async with sdk_ingest() as ingest:
        asking = {"query_string": "vendorId=v1", "headers": BEARER}
        pending = await ingest.conductor.simulate_post("/attribution-data", **asking)
        known(ingest, "v1", PAID)
        found = await ingest.conductor.simulate_get("/attribution-data", **asking)
    assert pending.json == {"decision": None}
    assert found.json["decision"] == "PASSED"
    parts = [found.json[name] for name in ("offer", "publisher", "ids")]
    assert all(isinstance(value, str) for part in parts for value in part.values())
    assert found.json["publisher"]["name"] == "Acme"


@pytest.mark.parametrize(
    ("age_ms", "agent", "expected"),
    [
        (60_000, "Pixel 8", "shop://sale/7"),
        (16 * 60_000, "Pixel 8", ""),
        (60_000, "Pixel 9", ""),
    ],
)
@in_loop
async def test_a_deep_link_is_for_who_has_just_installed_at_the_same_place(
    age_ms: int, agent: str, expected: str
) -> None:
    async with running(sdk_snapshot(), WAYBILL_FORWARDED_HOPS="1") as ingest:
        name = place_name(1, Environment.PRODUCTION, "198.51.100.7", "Pixel 8")
        entry = KnownAttribution(NOW_MS - age_ms, deep_link="shop://sale/7")
        publish(ingest.redis, {name: entry}, NOW_MS)
        answer = await ingest.conductor.simulate_post(
            "/deeplink",
            headers={
                **BEARER,
                "User-Agent": agent,
                "Content-Encoding": "gzip",
                "X-Forwarded-For": "198.51.100.7",
            },
        )
    assert (answer.status_code, answer.text) == (200, expected)


@pytest.mark.parametrize("repeated_bits", [0, 4, 10, 16, 22, 28])
@in_loop
async def test_a_visitors_click_is_answered_at_any_time_with_an_id_that_no_client_escapes(
    repeated_bits: int,
) -> None:
    now_ms = NOW_MS | (1 << repeated_bits) - 1  # these six bits at a time are one character
    async with running(sdk_snapshot(), clock=lambda: now_ms) as ingest:
        answer = await send(ingest, BY_NAME["websdk2-utm-click"])
        [click] = stored(ingest.redis)
    assert re.fullmatch("[0-9A-Za-z_-]{22}", answer.text)
    assert click.click_id == answer.text


@in_loop
async def test_who_asked_to_be_forgotten_is_told_to_stop_and_leaves_nothing() -> None:
    async with sdk_ingest() as ingest:
        first = await send_form(ingest, "/gdpr_forget_device", CALL)
        for path, more in (
            ("/session", ""),
            ("/event", "&event_token=f0ob4r"),
            ("/sdk_click", "&source=web_referrer&referrer=utm_source%3Dx"),
            ("/gdpr_forget_device", ""),
            ("/attribution", ""),
            ("/sdk_info", "&source=push&push_token=t"),
        ):
            answer = await send_form(ingest, path, CALL + more)
            assert (answer.status_code, answer.json["tracking_state"]) == (200, "opted_out")
        asked = await send_form(ingest, "/attribution", CALL.replace(DEVICE, "another-device"))
        assert "attribution" in asked.json
        other = await send_form(ingest, "/session", CALL.replace(DEVICE, "another-device"))
        assert first.json["tracking_state"] == "opted_out"
        assert "tracking_state" not in other.json
        assert [event.user_id for event in ingest.stored()] == ["another-device"]


@in_loop
async def test_a_body_that_grows_without_end_is_refused_before_it_does() -> None:
    async with sdk_ingest() as ingest:
        answer = await ingest.conductor.simulate_post(
            "/sdk",
            body=gzip.compress(b" " * 20_000_000),
            headers={**BEARER, "Content-Encoding": "gzip"},
        )
        brotli = await ingest.conductor.simulate_post(
            "/sdk", body=b"{}", headers={**BEARER, "Content-Encoding": "br"}
        )
    assert (answer.status_code, brotli.status_code) == (413, 415)


@in_loop
async def test_one_event_that_cannot_be_read_costs_no_other_and_is_in_the_log() -> None:
    async with sdk_ingest() as ingest:
        answer = await send_batch(
            ingest,
            {"typeId": "a", "vendorId": "v1"},
            {"typeId": "b"},
            {"typeId": "c", "vendorId": "v1", "revenue": "much"},
            {"typeId": "d", "vendorId": "00000000-0000-0000-0000-000000000000"},
            {"typeId": "e", "vendorId": "v2", "currency": "??", "revenue": 3},
            {"typeId": "f", "vendorId": "v2"},
        )
        assert answer.status_code == 200
        assert [event.event_id for event in ingest.stored()] == ["a", "f"]
        await ingest.parts.rejections.write()
        rejections = [entry.field for entry in recent_rejections(ingest.redis, 10)]
    assert rejections[::-1] == ["vendorId", "revenue", "vendorId", "currency"]


@in_loop
async def test_an_unknown_event_is_refused_in_the_words_that_an_sdk_logs() -> None:
    async with sdk_ingest() as ingest:
        answer = await send_form(ingest, "/event", f"{CALL}&event_token=nosuch")
    assert answer.status_code == 400
    assert answer.json["error"] == "Event request failed (Invalid event token)"
    assert answer.json["message"] == answer.json["error"]


@pytest.mark.parametrize("time_spent", ["", "5", "99", "100", "5000"])
@in_loop
async def test_who_waits_for_long_asks_less_often(time_spent: str) -> None:
    async with sdk_ingest() as ingest:
        call = BY_NAME["adjust-web-attribution"]
        query = call["query"].replace("time_spent=0", f"time_spent={time_spent}")
        answer = await send(ingest, call, query=query)
    assert answer.json["ask_in"] == (30_000 if len(time_spent) > 2 else 2_000)
