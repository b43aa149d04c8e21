"""Reading calls in the Adjust dialect: the forms that real senders use, and their meaning."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ingest.client import ClientInfo
from ingest.dialects.adjust.ad_revenue import AD_REVENUE
from ingest.dialects.adjust.event import EVENT, REVENUE
from ingest.dialects.adjust.session import SESSION
from ingest.dialects.dialect import DeviceHistoryCheck, Dialect, ParsedRequest, RequestContext
from shared.device_ids import PRIMARY_ORDER, adid_of, user_id_of
from shared.errors import MalformedField, MissingField, UnknownDevice
from shared.events import OPEN, Environment, Kind
from shared.fields import EVENT_AGE_DAYS_MAX
from shared.seen import device_marker, unique_marker
from shared.snapshot import NO_TOKEN, KnownApp, KnownEventType
from shared.tokens import TokenFault
from tests.support.build import NOW_MS, device_id, grant, parameters, request_context

IDFV = "ccb300a0-de1b-4d48-bc7e-599e453b8dd4"
APP = KnownApp(
    1,
    event_types={
        "tok": KnownEventType(9, "purchase"),
        "once": KnownEventType(10, "first", is_unique=True),
    },
)
AD = "currency=USD&revenue=0.01&ad_impressions_count=1"


def ask(query: str, dialect: Dialect = EVENT, **changes: Any) -> ParsedRequest:
    fields: dict[str, Any] = {"app": APP, "fault": None, **changes}
    held: RequestContext = request_context(**fields)
    event_token = "event_token=tok&" if dialect in {EVENT, REVENUE} else ""
    return dialect.read(parameters(f"app_token=app&{event_token}{query}"), held)


def test_an_event_is_kept_under_the_mapping_id_of_its_type() -> None:
    event = ask(f"s2s=1&idfv={IDFV}&revenue=19.99&currency=usd&os_name=ios").event

    assert (event.kind, event.endpoint, event.event_id) == (Kind.EVENT, "/event", "purchase")
    assert (event.sale_amount, event.sale_amount_currency) == ("19.99", "USD")
    assert event.user_id == IDFV
    assert event.parameters == {"event_token": "tok", "os_name": "ios"}


@pytest.mark.parametrize("query", ["event_token=", "event_token=nosuch"])
def test_an_event_of_no_type_of_the_app_is_refused(query: str) -> None:
    with pytest.raises((MissingField, MalformedField)) as caught:
        EVENT.read(parameters(f"app_token=app&idfv={IDFV}&{query}"), request_context(app=APP))

    assert caught.value.field == "event_token"
    reply = EVENT.error_reply(caught.value, None)
    assert reply.status == 400
    assert reply.body == b'{"error":"Event request failed (Invalid event token)"}'


@given(st.sets(st.sampled_from(PRIMARY_ORDER[:-1]), min_size=1))
def test_the_user_is_the_first_device_id_in_the_documented_order(kinds: set[str]) -> None:
    event = ask("&".join(f"{kind}={device_id(kind)}" for kind in kinds)).event

    first = min(kinds, key=PRIMARY_ORDER.index)
    assert event.user_id == user_id_of({first: device_id(first)})
    assert set(event.device_ids) == kinds


@pytest.mark.parametrize("query", ["", "idfa=00000000-0000-0000-0000-000000000000", "idfv=null"])
def test_without_a_device_there_is_nobody(query: str) -> None:
    with pytest.raises(UnknownDevice) as caught:
        ask(query)

    reply = EVENT.error_reply(caught.value, None)
    assert (reply.status, reply.body) == (
        404,
        b'{"error":"Event request failed (Device not found)"}',
    )


NOW_S = NOW_MS // 1000


@pytest.mark.parametrize(
    ("query", "time_ms"),
    [
        ("created_at=2026-01-02T03:04:05Z%2B0200", NOW_S * 1000 - 7_200_000),
        ("created_at=2026-01-02T03:04:05Z+0200", NOW_S * 1000 - 7_200_000),
        ("created_at=2026-01-02T03:04:05.123Z-0100", NOW_S * 1000 + 3_600_123),
        ("created_at=2026-01-02T03:04:05.000%2B0000", NOW_S * 1000),
        ("created_at=2026-01-02T03:04:05Z", NOW_S * 1000),
        (f"created_at={NOW_S}", NOW_S * 1000),
        (f"created_at_unix={NOW_S}", NOW_S * 1000),
        (f"created_at_unix={NOW_MS}", NOW_MS),
        (f"created_at_unix={NOW_S}&created_at=2025-12-31T00:00:00Z", NOW_S * 1000),
        ("", NOW_MS),
        ("created_at=&created_at_unix=", NOW_MS),
    ],
)
def test_times_are_understood_as_senders_write_them(query: str, time_ms: int) -> None:
    assert ask(f"idfv={IDFV}&{query}").event.happened_at_ms == time_ms


@pytest.mark.parametrize(
    "query",
    [
        "created_at=yesterday",
        "created_at_unix=x",
        f"created_at_unix={NOW_S - (EVENT_AGE_DAYS_MAX + 1) * 86_400}",
        f"created_at_unix={NOW_S + 2 * 86_400}",
        "created_at=2017-01-02T15:04:05Z%2B0200",
    ],
)
def test_a_time_out_of_its_limits_is_a_bad_state(query: str) -> None:
    with pytest.raises(MalformedField) as caught:
        ask(f"idfv={IDFV}&{query}")

    body = EVENT.error_reply(caught.value, None).body
    assert body.startswith(b'{"error":"Event request failed (Bad event state: ')


@pytest.mark.parametrize(
    ("sent", "stored", "kept"),
    [
        ("19.99", "19.99", None),
        ("1e2", "100", None),
        ("0.001", "0.001", None),
        ("1.0000005", "1.000000", "1.0000005"),
        ("1.0000015", "1.000002", "1.0000015"),
        ("12345678901.123456789012345678", "12345678901.123457", "12345678901.123456789012345678"),
        ("100000000000", "100000000000", None),
    ],
)
def test_revenue_is_stored_to_six_places_and_kept_as_sent(
    sent: str, stored: str, kept: str | None
) -> None:
    event = ask(f"idfv={IDFV}&revenue={sent}").event

    assert event.sale_amount == stored
    assert event.parameters.get("revenue") == kept


@pytest.mark.parametrize(
    "sent",
    ["0", "0.0009", "-1", "100000000000.000001", "1e12", "12,50", "NaN", "Infinity", "1" * 31, "x",
     "1e9999"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["revenue", "amount"])
def test_revenue_out_of_its_limits_is_refused_in_the_published_words(sent: str, name: str) -> None:
    with pytest.raises(MalformedField) as caught:
        ask(f"idfv={IDFV}&{name}={sent}", REVENUE)

    reply = EVENT.error_reply(caught.value, None)
    assert (reply.status, reply.body) == (
        400,
        b'{"error":"Event request failed (Invalid revenue)"}',
    )


def test_the_old_endpoint_takes_an_amount() -> None:
    event = ask(f"idfv={IDFV}&amount=4.99&currency=EUR", REVENUE).event

    assert (event.endpoint, event.sale_amount) == ("/revenue", "4.99")


@pytest.mark.parametrize("sent", ["", "{}", '{"a":"b"}', '{"a": "[\\"1\\"]", "b": "c"}', '{"a":1}'])
def test_callback_parameters_are_kept_as_they_were_sent(sent: str) -> None:
    event = ask(f"idfv={IDFV}&callback_params={quote(sent)}&partner_params={quote(sent)}").event

    assert event.parameters.get("callback_params", "") == sent
    assert event.parameters.get("partner_params", "") == sent


DEEP = '{"a":' * 5_000 + "1" + "}" * 5_000


@pytest.mark.parametrize("sent", ["x", "[]", '"a"', "{a:b}", "null", DEEP])
def test_callback_parameters_that_are_no_object_are_refused(sent: str) -> None:
    with pytest.raises(MalformedField) as caught:
        ask(f"idfv={IDFV}&callback_params={quote(sent)}")

    assert b"(Invalid callback parameters)" in EVENT.error_reply(caught.value, None).body


@pytest.mark.parametrize("sent", ["undefined", "x", "1.2.3", "fe80::1%25eth0"])
def test_an_address_that_is_none_is_kept_and_proves_nothing(sent: str) -> None:
    event = ask(f"idfv={IDFV}&ip_address={sent}").event

    assert event.ip_address is None
    assert "ip_address" in event.parameters


def test_the_address_may_come_in_the_header_but_the_parameter_comes_first() -> None:
    seen = ClientInfo("203.0.113.7")

    assert ask(f"idfv={IDFV}", client=seen).event.ip_address == "203.0.113.7"
    told = ask(f"idfv={IDFV}&ip_address=[2001:db8::1]", client=seen).event
    assert told.ip_address == "2001:db8::1"


def test_a_user_agent_that_was_encoded_twice_is_read_once_more() -> None:
    twice = urlencode({"user_agent": quote("Mozilla/5.0 (iPhone; x)")})

    assert ask(f"idfv={IDFV}&{twice}").event.user_agent == "Mozilla/5.0 (iPhone; x)"
    assert ask(f"idfv={IDFV}&user_agent=A%2520b+c").event.user_agent == "A%20b c"


@pytest.mark.parametrize(
    ("query", "token", "environment"),
    [
        ("", Environment.PRODUCTION, Environment.PRODUCTION),
        ("environment=sandbox", Environment.PRODUCTION, Environment.SANDBOX),
        ("environment=Production", Environment.PRODUCTION, Environment.PRODUCTION),
        ("environment=production", Environment.SANDBOX, Environment.SANDBOX),
    ],
)
def test_the_sandbox_is_what_either_the_call_or_the_token_says(
    query: str, token: Environment, environment: Environment
) -> None:
    held = grant(environment=token)

    assert ask(f"idfv={IDFV}&{query}", grant=held).event.environment is environment


def test_another_environment_is_refused() -> None:
    with pytest.raises(MalformedField) as caught:
        ask(f"idfv={IDFV}&environment=staging")
    assert caught.value.field == "environment"


def test_the_fault_of_a_token_is_kept_with_the_event() -> None:
    nobody = grant(token_id=NO_TOKEN)
    event = ask(f"idfv={IDFV}", grant=nobody, fault=TokenFault.WRONG).event

    assert (event.token_id, event.would_refuse) == (NO_TOKEN, "wrong_token")


def test_a_session_is_an_open_answered_with_who_its_device_is() -> None:
    reading = ask(f"idfv={IDFV.upper()}&os_name=ios", SESSION)

    assert (reading.event.kind, reading.event.event_id) == (Kind.OPEN, OPEN)
    assert reading.marker == device_marker(1, Environment.PRODUCTION, IDFV, NOW_MS)
    first = (
        f'{{"app_token":"app","adid":"{adid_of(1, IDFV)}",'
        '"timestamp":"2026-01-02T03:04:05.678Z+0000","message":"Install tracked","ask_in":2000}'
    )
    assert reading.reply.body.decode() == first
    assert reading.if_seen is not None
    assert json.loads(reading.if_seen.body) == json.loads(first) | {
        "message": "Session tracked",
        "ask_in": 5000,
    }


def test_a_unique_event_is_marked_and_its_repeat_answered_as_published() -> None:
    once = EVENT.read(
        parameters(f"app_token=app&event_token=once&idfv={IDFV}"), request_context(app=APP)
    )

    assert once.marker == unique_marker(1, Environment.PRODUCTION, 10, IDFV)
    assert once.if_seen is not None
    assert (once.if_seen.status, once.if_seen.body) == (
        400,
        b'{"error":"Event request failed (Ignoring event, earlier unique event tracked)"}',
    )
    assert ask(f"idfv={IDFV}").marker is None


def test_ad_revenue_needs_no_event_type_and_tells_where_it_was_earned() -> None:
    where = "ad_revenue_network=n&ad_revenue_unit=u&ad_revenue_placement=p&source=publisher"
    event = ask(f"idfv={IDFV}&{AD}&{where}", AD_REVENUE).event

    assert (event.kind, event.sale_amount, event.ad_impressions) == (Kind.AD_REVENUE, "0.01", 1)
    assert (event.ad_network, event.ad_unit, event.ad_placement) == ("n", "u", "p")
    assert event.parameters == {"source": "publisher"}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "revenue=1&ad_impressions_count=1",
            "currency is required. Send currency with every call.",
        ),
        (
            "currency=USD&ad_impressions_count=1",
            "revenue is required. Send revenue with every call.",
        ),
        ("currency=USD&revenue=-1&ad_impressions_count=1", "Invalid revenue"),
        ("currency=XYZ&revenue=1&ad_impressions_count=1", "Invalid revenue"),
        (
            "currency=USD&revenue=1&ad_impressions_count=1.5",
            "ad_impressions_count must be a whole number from 0 to 2147483647.",
        ),
    ],
)
def test_ad_revenue_is_refused_with_its_app(query: str, message: str) -> None:
    with pytest.raises((MissingField, MalformedField)) as caught:
        ask(f"idfv={IDFV}&{query}", AD_REVENUE)

    body = AD_REVENUE.error_reply(caught.value, "app").body.decode()
    assert body == f'{{"error":"Ad revenue request failed ({message}) (app_token:app)"}}'


def test_an_adid_alone_asks_whose_it_is_and_stands_for_them() -> None:
    adid = adid_of(1, IDFV)
    reading = ask(f"adid={adid}")
    assert reading.adid == adid

    known = ask(f"adid={adid}", adid_user_id=IDFV)
    assert (known.event.user_id, known.adid) == (IDFV, None)
    assert ask(f"adid={adid}&idfa={IDFV}").adid is None


def test_an_app_that_wants_adjusts_refusals_asks_for_the_history_check_of_its_events() -> None:
    strict = structs.replace(APP, adjust_refusals=True)

    assert ask(f"idfv={IDFV}").history_check is None
    assert ask(f"idfv={IDFV}", app=strict).history_check == DeviceHistoryCheck("purchase")
    assert ask(f"idfv={IDFV}&{AD}", AD_REVENUE, app=strict).history_check == DeviceHistoryCheck(
        None
    )
    assert ask(f"idfv={IDFV}", SESSION, app=strict).history_check is None
