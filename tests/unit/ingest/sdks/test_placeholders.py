"""The law of placeholders at SDKs: what an app hands over unfilled makes nobody and no key."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.client import UNKNOWN_CLIENT
from ingest.dialects.adjust_sdk.event import SDK_AD_REVENUE, SDK_EVENT, SDK_SESSION
from ingest.dialects.dialect import Dialect
from ingest.dialects.swaarm_sdk.device import device_of
from ingest.dialects.swaarm_sdk.sdk_event import SdkCall, read_sdk_event
from shared.device_ids import PRIMARY_ORDER, identifying, usable
from shared.errors import RequestError
from shared.events import Event
from shared.snapshot import KnownApp, KnownEventType
from tests.support.build import NOW_MS, RECEIPT, grant, parameters, request_context
from tests.support.placeholders import AROUND, placeholders
from tests.unit.ingest.sdks.sdk_app import SDK_TOKEN, sdk_ingest
from tests.unit.loop import run_in_loop

APP = KnownApp(1, event_types={"tok": KnownEventType(1, "purchase")})
IDFV = "ccb300a0-de1b-4d48-bc7e-599e453b8dd4"
SENT = f"app_token=app&idfv={IDFV}&created_at=2026-01-02T03:04:05.000Z%2B0000"
ADJUST: dict[Dialect, str] = {
    SDK_SESSION: SENT,
    SDK_EVENT: f"{SENT}&event_token=tok",
    SDK_AD_REVENUE: f"{SENT}&source=publisher&revenue=1&currency=EUR&ad_impressions_count=1",
}
SWAARM = {"typeId": "sale", "vendorId": IDFV}
CALL = SdkCall("/sdk", grant(), UNKNOWN_CLIENT, device_of(UNKNOWN_CLIENT), NOW_MS)


def by_adjust(dialect: Dialect, query: str) -> Event:
    return dialect.read(parameters(query), request_context(app=APP)).event


def by_swaarm(**changes: Any) -> Event:
    (event,) = read_sdk_event(json.dumps(SWAARM | changes).encode(), CALL, RECEIPT)
    return event


def known_by(event: Event) -> tuple[object, ...]:
    ids = identifying(usable(event.device_ids))
    return event.user_id, event.click_id, event.idempotency_key, event.ip_address, ids


@settings(max_examples=200, deadline=None)
@given(
    dialect=st.sampled_from(list(ADJUST)),
    name=st.sampled_from(["deduplication_id", "click_id", *PRIMARY_ORDER[1:]]),
    text=placeholders(),
)
def test_no_placeholder_of_adjusts_sdks_makes_a_device_a_key_or_a_credit(
    dialect: Dialect, name: str, text: str
) -> None:
    query = ADJUST[dialect]
    event = by_adjust(dialect, f"{query}&{name}={quote(text, safe='')}")

    assert known_by(event) == known_by(by_adjust(dialect, query))
    assert (event.parameters | event.device_ids)[name].strip(AROUND) == text.strip(AROUND)


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(["clickId", "id", "advertisingId"]), text=placeholders())
def test_no_placeholder_of_swaarms_sdks_makes_a_device_a_key_or_a_credit(
    name: str, text: str
) -> None:
    event = by_swaarm(**{name: text})

    assert known_by(event) == known_by(by_swaarm())
    assert (name == "advertisingId") or event.parameters[name] == text


@given(placeholders())
def test_no_placeholder_is_the_device_of_swaarms_sdks(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        by_swaarm(vendorId=text)
    assert caught.value.field == "vendorId"


@settings(max_examples=30, deadline=None)
@given(placeholders())
def test_no_placeholder_is_a_device_whose_user_is_told(text: str) -> None:
    async def tell() -> tuple[int, str, list[Event]]:
        async with sdk_ingest() as ingest:
            answer = await ingest.conductor.simulate_get(
                "/associate-user",
                query_string=f"idfv={quote(text, safe='')}&userId=u",
                headers={"Authorization": f"Bearer {SDK_TOKEN}"},
            )
            return answer.status_code, answer.json["error"]["field"], ingest.stored()

    assert run_in_loop(tell()) == (400, "idfv", [])


@pytest.mark.parametrize("order", ["undefined", "{order}", "\u200b", "0"])
def test_two_sales_whose_id_nobody_filled_in_are_two(order: str) -> None:
    times = ("2026-01-02T03:04:05.000Z", "2026-01-02T03:04:06.000Z")
    first, second = (by_swaarm(id=order, clientTime=time) for time in times)
    assert first.idempotency_key != second.idempotency_key

    query = ADJUST[SDK_EVENT] + f"&deduplication_id={quote(order)}"
    first, second = (by_adjust(SDK_EVENT, f"{query}&event_count={count}") for count in (1, 2))
    assert first.idempotency_key != second.idempotency_key
