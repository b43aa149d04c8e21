"""AppsFlyer's events: recorded calls, what is read of them, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects.appsflyer.inappevent import INAPPEVENT
from ingest.parameters import RawParameters
from ingest.sent_pairs import json_pairs, text_pairs
from shared.device_ids import PRIMARY_ORDER, identifying, usable
from shared.errors import RequestError
from shared.events import Event, decode_events
from shared.integration_log import UnreadReason, recent_checks
from shared.rejections import recent_rejections
from shared.scopes import Scope
from tests.support.build import NOW_MS, TOKEN, batch, grant, request_context, snapshot
from tests.support.placeholders import AROUND, placeholders
from tests.unit.ingest.dialects.recorded import is_as_expected, recorded_calls, replay
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import in_loop

CALLS = recorded_calls(Path(__file__).parent)
GOOD: dict[str, Any] = {"appsflyer_id": "1415211453000-6513894", "eventName": "login"}
JSON = {"Content-Type": "application/json"}


def read(body: dict[str, Any], app: str = "com.shop", **context: Any) -> Event:
    document = [*json_pairs(json.dumps(body).encode()), *text_pairs({"app_id": app})]
    parameters = RawParameters(b"", b"", document=document).parameters(without=())
    return INAPPEVENT.read(parameters, request_context(**context)).event


def outcome(body: dict[str, Any]) -> Event | RequestError:
    try:
        return read(body)
    except RequestError as error:
        return error


def refused(body: dict[str, Any]) -> str:
    with pytest.raises(RequestError) as caught:
        read(body)
    reply = INAPPEVENT.error_reply(caught.value, None)
    assert reply.status == 400
    return reply.body.decode()


async def post(
    ingest: Running, body: bytes, key: str | None = TOKEN, path: str = "/inappevent/id1"
) -> Any:
    headers = JSON if key is None else {**JSON, "authentication": key}
    return await ingest.conductor.simulate_post(path, body=body, headers=headers)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["name"])
@in_loop
async def test_a_recorded_call_gets_the_answer_that_its_sender_expects(
    call: dict[str, Any],
) -> None:
    async with running() as ingest:
        answer = await replay(ingest, call)

        assert is_as_expected(call, answer), answer.text
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        events = ingest.stored()
        assert len(events) == (1 if call["expect"]["status"] == 200 else 0)
        assert ["waybill-receipt" in answer.headers] == [bool(events)]


def test_a_purchase_has_the_amount_and_currency_of_its_value() -> None:
    event = read(
        {
            **GOOD,
            "customer_user_id": "u-1",
            "eventName": "af_purchase",
            "eventValue": '{"af_revenue": "6.5", "af_content_id": "15854"}',
            "eventCurrency": "eur",
            "eventTime": "2026-01-02 03:00:00.500",
            "ip": "203.0.113.7",
            "advertising_id": "9c9a82fb-d5de-4cd1-90c3-527441c11828",
            "att": 3,
        }
    )

    assert (event.user_id, event.event_id) == ("u-1", "af_purchase")
    assert (event.sale_amount, event.sale_amount_currency) == ("6.5", "EUR")
    assert event.event_value == '{"af_revenue": "6.5", "af_content_id": "15854"}'
    assert event.event_time_ms == NOW_MS - 245_178
    assert event.ip_address == "203.0.113.7"
    assert event.device_ids == {
        "gps_adid": "9c9a82fb-d5de-4cd1-90c3-527441c11828",
        "external_device_id": "1415211453000-6513894",
    }
    assert event.parameters == {"app_id": "com.shop", "att": "3"}


@pytest.mark.parametrize("value", [{"af_revenue": 1000, "af_currency": "JPY"}, None])
def test_the_value_may_be_an_object_and_name_the_currency(value: Any) -> None:
    event = read(
        {**GOOD, "eventValue": value or json.dumps({"af_revenue": 1000.0, "af_currency": "JPY"})}
    )

    assert (float(event.sale_amount or 0), event.sale_amount_currency) == (1000, "JPY")


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "{}",
        "[1]",
        "plain",
        '{"af_revenue": "{price}"}',
        '{"af_revenue": null, "af_currency": true}',
    ],
)
def test_a_value_without_an_amount_makes_none(value: str) -> None:
    event = read({**GOOD, "eventValue": value})

    assert (event.sale_amount, event.sale_amount_currency) == (None, None)
    assert event.event_value == (value if value.strip() else None)


def test_without_an_id_of_its_own_a_user_is_known_by_the_device() -> None:
    assert read(GOOD).user_id == "1415211453000-6513894"
    assert read({**GOOD, "customer_user_id": "{user}"}).user_id == "1415211453000-6513894"
    assert read({**GOOD, "customer_user_id": "u"}).user_id == "u"


@pytest.mark.parametrize(
    "time", ["2019-05-15 12:17:01.123", "2026-01-04 12:00:00", "2020-02-25 12:00.000", "yesterday"]
)
def test_a_time_that_is_outside_its_limits_counts_as_the_time_of_arrival(time: str) -> None:
    event = read({**GOOD, "eventTime": time})

    assert event.event_time_ms is None
    assert time in event.parameters.values()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"appsflyer_id": None}, "appsflyer_id is a mandatory field"),
        ({"appsflyer_id": "%%appsflyer_id%%"}, "appsflyer_id is a mandatory field"),
        ({"eventName": ""}, "eventName is a mandatory field"),
        ({"eventName": "{event}"}, "eventName is a mandatory field"),
        ({"eventValue": {"af_revenue": "6,50"}}, "Bad request. af_revenue must be"),
        ({"eventValue": {"af_currency": "COINS"}}, "Bad request. af_currency "),
        ({"eventCurrency": "EURO"}, "Bad request. eventCurrency "),
    ],
)
def test_a_field_is_refused_by_its_name(changes: dict[str, Any], text: str) -> None:
    assert refused({**GOOD, **changes}).startswith(text)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'"text"', b"{}", b"\xff", b'{"appsflyer_id":"1","appsflyer_id":"2"']
)
@in_loop
async def test_a_body_that_is_no_object_is_refused_in_the_published_words(body: bytes) -> None:
    async with running() as ingest:
        answer = await post(ingest, body)

        assert (answer.status_code, answer.text) == (400, "Payload is missing or failed to parse")


@pytest.mark.parametrize("key", [None, "wrong"])
@in_loop
async def test_a_key_that_is_not_valid_is_refused_in_the_published_words(key: str | None) -> None:
    async with running() as ingest:
        answer = await post(ingest, json.dumps(GOOD).encode(), key)

        assert (answer.status_code, answer.text) == (400, "Failed to Authenticate")


@in_loop
async def test_a_key_of_another_scope_is_unauthorized_and_an_open_needs_that_of_sessions() -> None:
    held = snapshot(1, sessions=grant(scopes=(Scope.SESSIONS,)))
    async with running(held) as ingest:
        login = await post(ingest, json.dumps(GOOD).encode(), "sessions")
        opened = await post(
            ingest, json.dumps({**GOOD, "eventName": "__open"}).encode(), "sessions"
        )

        assert (login.status_code, login.text) == (401, "Unauthorized")
        assert opened.status_code == 200
        assert [event.kind for event in ingest.stored()] == ["open"]


@in_loop
async def test_the_key_is_accepted_in_the_usual_header_too_and_two_keys_are_ambiguous() -> None:
    async with running() as ingest:
        both = {**JSON, "authentication": TOKEN, "Authorization": f"Bearer {TOKEN}"}
        for headers, status in (
            ({**JSON, "Authorization": f"Bearer {TOKEN}"}, 200),
            (both, 200),
            ({**both, "authentication": "other"}, 400),
        ):
            answer = await ingest.conductor.simulate_post(
                "/inappevent/id1", body=json.dumps(GOOD), headers=headers
            )
            assert answer.status_code == status


@in_loop
async def test_the_check_shows_the_call_and_the_log_shows_a_refusal_without_its_key() -> None:
    async with running() as ingest:
        await post(ingest, json.dumps(GOOD).encode())
        await post(ingest, json.dumps({**GOOD, "eventName": ""}).encode())
        await ingest.parts.checks.write()
        await ingest.parts.rejections.write()

        ((entry, accepted),) = recent_checks(ingest.redis, 1, (1,), 50).values()
        (logged,) = recent_rejections(ingest.redis, 10)
        assert (entry.dialect, entry.code, entry.field) == (
            "appsflyer",
            "missing_field",
            "eventName",
        )
        assert (accepted.status, accepted.scope, accepted.code) == (200, "events", None)
        assert (logged.endpoint, logged.status) == ("/inappevent/{app_id}", 400)
        assert TOKEN not in str(logged)


values = st.one_of(
    st.text(max_size=12),
    st.integers(-(10**6), 10**6),
    st.none(),
    st.booleans(),
    placeholders(),
    st.dictionaries(
        st.sampled_from(["af_revenue", "af_currency", "x"]),
        st.text(max_size=6) | st.integers(),
        max_size=3,
    ),
)
NAMES = [
    "eventValue",
    "eventCurrency",
    "eventTime",
    "ip",
    "idfa",
    "advertising_id",
    "amazon_aid",
    "customer_user_id",
    "click_id",
    "user_agent",
    "os",
    "idempotency_key",
    "event_time",
    "gps_adid",
]


@given(st.dictionaries(st.sampled_from([*NAMES, *GOOD]), values, max_size=8))
def test_whatever_is_sent_is_read_or_refused_by_name_and_what_is_read_can_be_stored(
    body: dict[str, Any],
) -> None:
    event = outcome({**GOOD, **body})
    if isinstance(event, RequestError):
        assert event.field is not None
        assert INAPPEVENT.error_reply(event, None).status == 400
        return
    (stored,) = decode_events(batch(event))
    assert stored == event
    assert "\0" not in "".join([*event.parameters, *event.parameters.values(), event.user_id])


@given(
    placeholders(),
    st.sampled_from(
        [
            *("idfa", "advertising_id", "amazon_aid", "customer_user_id", "click_id", "ip"),
            *("idempotency_key", "user_agent", *PRIMARY_ORDER),
        ]
    ),
)
def test_no_placeholder_makes_a_user_a_device_or_a_key(text: str, name: str) -> None:
    sent = RawParameters(
        b"", b"", document=text_pairs({"app_id": "a", **GOOD, name: text})
    ).parameters(without=())
    event = INAPPEVENT.read(sent, request_context()).event

    good = read(GOOD, app="a")
    assert (event.user_id, event.click_id, event.ip_address, event.idempotency_key) == (
        good.user_id,
        None,
        None,
        None,
    )
    assert event.user_agent is None
    known = identifying(usable(good.device_ids))
    assert identifying(usable(event.device_ids)) <= known
    kept = {*event.parameters.values(), *event.device_ids.values()}
    assert text.strip(AROUND) in {value.strip(AROUND) for value in kept}
    assert {unread.reason for unread in sent.unread} <= {UnreadReason.MACRO, UnreadReason.FORM}
