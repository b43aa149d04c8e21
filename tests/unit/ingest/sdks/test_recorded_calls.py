"""Calls that were recorded from the SDKs, or read in their source, are answered as they need it."""

import re
from typing import Any

import pytest

from shared.events import INSTALL, OPEN, Kind
from tests.unit.ingest.sdks.sdk_app import BY_NAME, CALLS, sdk_ingest, send
from tests.unit.loop import in_loop

# A click's id alone, from anywhere, reports nothing: docs/sdks.md says what to use instead.
DIFFERENT = {"swaarmjs-postback-install": 401, "swaarmjs-postback-open": 401}
FORGET = {**BY_NAME["adjust-web-gdpr_forget_device"]}
FORGOTTEN = {
    **FORGET,
    "body": FORGET["body"].replace("29e1aeef-22dc-4a45-19d2-64f736b4616b", "ERASED"),
}


@pytest.mark.parametrize("call", CALLS, ids=[call["name"] for call in CALLS])
@in_loop
async def test_a_recorded_call_gets_the_answer_that_its_sdk_needs(call: dict[str, Any]) -> None:
    async with sdk_ingest() as ingest:
        if call["name"] == "adjust-web-opted-out":
            await send(ingest, FORGOTTEN)
        answer = await send(ingest, call)

        expected = DIFFERENT.get(call["name"], call["expect"]["status"])
        assert answer.status_code == expected, answer.text
        if call["name"] in DIFFERENT:
            return
        for part in call["expect"]["body_contains"]:
            assert part in answer.text
        for name, text in call.get("expect_headers", {}).items():
            assert text in answer.headers[name]
        if "expect_body_regex" in call:
            assert re.fullmatch(call["expect_body_regex"], answer.text)
        if "Origin" in call["headers"] and expected == 200 and call["path"] != "/postback":
            assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("name", sorted(DIFFERENT))
@in_loop
async def test_a_click_id_alone_is_enough_where_the_app_accepts_those_of_its_own_clicks(
    name: str,
) -> None:
    async with sdk_ingest(click_id_postbacks=True) as ingest:
        clicked = await send(ingest, BY_NAME["websdk2-utm-click"])
        call = BY_NAME[name]
        query = call["query"].replace("01dWTBYnLv3fPLi3y3psrs", clicked.text)
        answers = [await send(ingest, call), await send(ingest, {**call, "query": query})]

        assert [answer.status_code for answer in answers] == [401, call["expect"]["status"]]
        assert ingest.stored()[-1].click_id == clicked.text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("swaarmjs-websdk-open", [(Kind.OPEN, OPEN)]),
        ("swaarmjs-websdk-sale", [(Kind.EVENT, "sale")]),
        ("websdk2-sdk-first-batch", [(Kind.EVENT, INSTALL), (Kind.OPEN, OPEN)]),
        ("android-sdk-install", [(Kind.EVENT, INSTALL)]),
        ("ios-sdk-install-apple-ads", [(Kind.CLICK, ""), (Kind.EVENT, INSTALL)]),
        ("ios-sdk-reinstall", [(Kind.EVENT, "__reinstall"), (Kind.OPEN, OPEN)]),
        ("rn-sdk-install", [(Kind.EVENT, INSTALL)]),
        ("sdk-one-bad-event", [(Kind.EVENT, "ok")]),
        ("sdk-empty-batch", []),
        ("adjust-web-sdk_click", [(Kind.EVENT, "__sdk_click")]),
        ("adjust-web-event", [(Kind.EVENT, "purchase")]),
        ("adjust-android-session", [(Kind.OPEN, OPEN)]),
        ("adjust-web-gdpr_forget_device", []),
        ("adjust-web-attribution", []),
        ("adjust-web-unknown-event", []),
    ],
)
@in_loop
async def test_a_recorded_call_is_stored_as_what_it_reports(
    name: str, expected: list[tuple[Kind, str]]
) -> None:
    async with sdk_ingest() as ingest:
        await send(ingest, BY_NAME[name])
        assert [(event.kind, event.event_id) for event in ingest.stored()] == expected


@in_loop
async def test_what_an_sdk_fills_in_for_nothing_is_no_value() -> None:
    async with sdk_ingest() as ingest:
        await send(ingest, BY_NAME["websdk2-sdk-first-batch"])
        install, opened = ingest.stored()
    for event in (install, opened):
        assert (event.sale_amount, event.event_value, event.aggregated_event_value) == (None,) * 3
    assert install.click_id == "01dWTBYnLv3fPLi3y3psrs"
    assert opened.click_id is None


@in_loop
async def test_the_values_of_a_sale_are_those_that_the_app_gave() -> None:
    async with sdk_ingest() as ingest:
        await send(ingest, BY_NAME["swaarmjs-websdk-sale"])
        (sale,) = ingest.stored()
    assert (sale.sale_amount, sale.sale_amount_currency) == ("53.2", "EUR")
    assert (sale.aggregated_event_value, sale.event_value) == ("3", '{"a":"b & c"}')


@in_loop
async def test_an_ios_device_is_described_by_its_user_agent() -> None:
    async with sdk_ingest() as ingest:
        await send(ingest, BY_NAME["ios-sdk-install-apple-ads"])
        click, install = ingest.stored()
    assert click.parameters["site"] == "appleads"
    assert (
        click.device_ids == install.device_ids == {"idfv": "ccb300a0-de1b-4d48-bc7e-599e453b8dd4"}
    )
    assert install.described_device is not None
    assert "iPhone" in install.described_device
    assert install.sdk == "swaarm-ios"


@in_loop
async def test_an_event_is_the_same_event_however_often_it_is_sent() -> None:
    async with sdk_ingest() as ingest:
        for name in ("websdk2-sdk-same-batch-again", "android-sdk-install", "adjust-web-event"):
            call = BY_NAME[name]
            await send(ingest, call)
            again = (
                call["body"]
                .replace("attempts=1", "attempts=2")
                .replace("queue_size=1", "queue_size=4")
            )
            await send(ingest, {**call, "body": again})
        keys = [event.idempotency_key for event in ingest.stored()]
    assert None not in keys
    assert keys[::2] == keys[1::2]
    assert len(set(keys)) == 3
