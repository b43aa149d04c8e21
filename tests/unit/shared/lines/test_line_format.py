"""Tests one line of an imported file: its fields, its event and its receipt ID."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects.swaarm.postback import read_postback
from shared.errors import MissingField, RequestError
from shared.events import Environment, Event, Kind, decode_events, encode_event, join_events
from shared.ids import click_id_of, receipt_time_ms
from shared.integration_log import UnreadReason, UnreadValue
from shared.lines.line import ImportedLine, decode_line
from shared.lines.line_format import PARAMETERS_MAX, Destination, read_line, read_sent_line
from tests.support.build import NOW_MS, parameters, request_context
from tests.support.placeholders import placeholders

DESTINATION = Destination(7, {"Summer": 3}, {("1001", "5"): 4}, NOW_MS)
SENT = Destination(7, {"Summer": 3}, {}, NOW_MS, endpoint="/batch", keeps_ids=True)
DAY_MS = 86_400_000

EVENT = {"type": "event", "time": NOW_MS, "user_id": "u", "event_id": "purchase"}
OPEN = {"type": "open", "time": NOW_MS, "user_id": "u"}
MANY = [str(number) for number in range(PARAMETERS_MAX + 1)]
CLICK = {"type": "click", "time": NOW_MS}


def read(line: Any, destination: Destination = DESTINATION) -> Event:
    return read_line(json.dumps(line).encode(), destination)


def refusal(line: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        read(line)
    return caught.value


def test_an_event_becomes_what_a_call_would_have_made_of_it() -> None:
    full = EVENT | {
        "id": "1",
        "click_id": "c",
        "ip": "[2001:DB8::7]",
        "user_agent": "okhttp",
        "device_ids": {"gaid": "g", "idfa": ""},
        "sale_amount": 12.5,
        "sale_amount_currency": "eur",
        "aggregated_event_value": "3",
        "event_value": "{}",
        "parameters": {"shelf": "upper"},
        "environment": "sandbox",
    }

    event = read(full)

    assert event == Event(
        receipt=event.receipt,
        received_at_ms=NOW_MS,
        app_id=7,
        token_id=0,
        environment=Environment.SANDBOX,
        kind=Kind.EVENT,
        endpoint="import",
        user_id="u",
        event_id="purchase",
        event_time_ms=NOW_MS,
        ip_address="2001:db8::7",
        user_agent="okhttp",
        sale_amount="12.5",
        sale_amount_currency="EUR",
        aggregated_event_value="3",
        event_value="{}",
        parameters={"shelf": "upper"},
        click_id="c",
        device_ids={"gaid": "g"},
    )


def test_an_open_has_the_event_id_of_opens_and_may_be_written_as_an_event() -> None:
    assert read(OPEN).kind is Kind.OPEN
    assert read(OPEN) == read(EVENT | {"event_id": "__open"})


@pytest.mark.parametrize("kind", ["click", "impression"])
def test_a_click_names_its_link_by_name_or_by_offer_and_publisher(kind: str) -> None:
    named = read(CLICK | {"type": kind, "link": "Summer"})

    assert (named.kind, named.link_id, named.user_id, named.event_id) == (Kind(kind), 3, "", "")
    assert read(CLICK | {"type": kind, "offer_id": "1001", "pub_id": "5"}).link_id == 4
    assert read(CLICK | {"type": kind}).link_id is None


def test_a_click_keeps_its_id_or_gets_the_one_of_its_receipt() -> None:
    assert read(CLICK | {"click_id": "c"}).click_id == "c"
    made_up = read(CLICK)
    assert made_up.click_id == click_id_of(made_up.receipt)
    assert read(EVENT).click_id is None


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-02T03:04:05.678Z",
        "2026-01-02T05:04:05.678+02:00",
        "1767323045.678",
        NOW_MS,
        NOW_MS / 1000,
    ],
)
def test_a_time_is_iso_8601_or_unix_seconds_or_milliseconds(time: object) -> None:
    assert read(OPEN | {"time": time}).happened_at_ms == NOW_MS


def test_a_time_may_be_years_old_but_not_before_2000_nor_more_than_a_day_ahead() -> None:
    assert read(OPEN | {"time": "2000-01-01T00:00:00Z"}).happened_at_ms == 946_684_800_000
    assert read(OPEN | {"time": NOW_MS + DAY_MS}).happened_at_ms == NOW_MS + DAY_MS
    assert "before the year 2000" in refusal(OPEN | {"time": "1999-12-31T23:59:59Z"}).message
    assert "1 day in the future" in refusal(OPEN | {"time": NOW_MS + DAY_MS + 1}).message


def test_the_same_line_has_the_same_receipt_whenever_it_is_read_and_however_it_is_written() -> None:
    later = Destination(7, {"Summer": 4}, {}, NOW_MS + DAY_MS)
    turned = dict(reversed((EVENT | {"parameters": {"a": "1", "b": "2"}}).items()))

    assert read(EVENT).receipt == read(EVENT, later).receipt
    assert (
        read(EVENT | {"parameters": {"b": "2", "a": "1"}}).receipt
        == read(turned).receipt
        == read(turned | {"time": "2026-01-02T03:04:05.678Z"}).receipt
    )


def test_a_receipt_is_a_uuid_of_version_7_with_the_events_time() -> None:
    receipt = read(EVENT).receipt

    assert receipt.version == 7
    assert receipt_time_ms(receipt) == NOW_MS


def test_lines_that_say_something_else_have_other_receipts() -> None:
    sandbox = {"environment": "sandbox"}
    others = [
        *(EVENT, EVENT | sandbox, EVENT | {"user_id": "v"}, EVENT | {"sale_amount": 1}, OPEN),
        *(EVENT | {"id": "1"}, EVENT | {"id": "2"}, EVENT | {"id": "1"} | sandbox),
        *(OPEN | {"id": "1"}, CLICK | {"id": "1"}, CLICK),
        EVENT | {"id": "1", "time": NOW_MS + 1},
    ]

    assert len({read(line).receipt for line in others}) == len(others)


def test_a_line_with_an_id_is_the_same_one_whatever_else_it_says() -> None:
    given_id = EVENT | {"id": "1"}

    assert read(given_id).receipt == read(given_id | {"sale_amount": 1}).receipt


def test_another_app_gives_the_same_line_another_receipt() -> None:
    other = Destination(8, {}, {}, NOW_MS)

    assert read(EVENT).receipt != read(EVENT, other).receipt
    assert read(EVENT | {"id": "1"}).receipt != read(EVENT | {"id": "1"}, other).receipt


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (EVENT | {"user_id": ""}, "user_id"),
        (EVENT | {"event_id": None}, "event_id"),
        (OPEN | {"user_id": None}, "user_id"),
        (CLICK | {"offer_id": "1001"}, "pub_id"),
        (CLICK | {"pub_id": "5"}, "offer_id"),
    ],
)
def test_what_is_missing_is_named(line: object, field: str) -> None:
    error = refusal(line)

    assert isinstance(error, MissingField)
    assert error.field == field


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (EVENT | {"type": "install"}, "type"),
        (EVENT | {"environment": "test"}, "environment"),
        (EVENT | {"time": "yesterday"}, "time"),
        (EVENT | {"time": -1}, "time"),
        (EVENT | {"ip": "256.0.0.1"}, "ip"),
        (EVENT | {"sale_amount": "12,50"}, "sale_amount"),
        (EVENT | {"sale_amount": 1e300}, "sale_amount"),
        (EVENT | {"sale_amount_currency": "XYZ"}, "sale_amount_currency"),
        (EVENT | {"user_agent": "\0"}, "user_agent"),
        (EVENT | {"event_value": "a\0"}, "event_value"),
        (EVENT | {"user_id": "a\nbb"}, "user_id"),
        (EVENT | {"id": "a\nb"}, "id"),
        (EVENT | {"click_id": "c" * 257}, "click_id"),
        (EVENT | {"parameters": {"a": "\0"}}, "parameters"),
        (EVENT | {"parameters": {"": "a"}}, "parameters"),
        (EVENT | {"parameters": {"\0": "a"}}, "parameters"),
        (EVENT | {"parameters": dict.fromkeys(MANY, "")}, "parameters"),
        (EVENT | {"device_ids": {"idfa": "a\nb"}}, "device_ids"),
        (EVENT | {"link": "Summer"}, "link"),
        (OPEN | {"event_id": "purchase"}, "event_id"),
        (CLICK | {"user_id": "u"}, "user_id"),
        (CLICK | {"sale_amount": 1}, "sale_amount"),
        (CLICK | {"link": "Winter"}, "link"),
        (CLICK | {"link": "Summer", "offer_id": "1001", "pub_id": "5"}, "link"),
        (CLICK | {"offer_id": "1001", "pub_id": "6"}, "offer_id"),
    ],
)
def test_what_cannot_be_stored_or_has_no_place_is_named(line: object, field: str) -> None:
    assert refusal(line).field == field


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"{", "not one JSON object"),
        (b'{"type":"open","time":1,"user_id":"u"} {}', "not one JSON object"),
        (b'{"type":"\xff"}', "not one JSON object"),
        (b'{"type":"\\ud800"}', "not one JSON object"),
        (b"[]", "Expected `object`"),
        (b'{"type":"open","user_id":"u"}', "`time`"),
        (b'{"type":"open","time":1,"usr_id":"u"}', "`usr_id`"),
        (b'{"type":"open","time":1,"user_id":7}', "$.user_id"),
        (b'{"type":"open","time":true,"user_id":"u"}', "$.time"),
        (b'{"type":"open","user_id":"u","time":1' + b"0" * 5_000 + b"}", "$.time"),
    ],
)
def test_what_is_no_line_says_why(text: bytes, word: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_line(text, DESTINATION)

    assert word in caught.value.message


def test_a_refusal_repeats_nothing_of_the_line() -> None:
    for name in ("type", "time", "environment", "ip", "sale_amount", "sale_amount_currency"):
        assert "hush" not in refusal(EVENT | {name: "hush"}).message
    assert "hush" not in refusal(CLICK | {"link": "hush"}).message


values = st.none() | st.text(max_size=20) | st.sampled_from(["u", "1.5", "EUR", "10.0.0.1", "\0"])
named = st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=3)
lines = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["event", "open", "click", "impression"]),
        "time": st.integers(946_684_800, NOW_MS // 1000) | values,
    },
    optional={
        field: named if field in {"device_ids", "parameters"} else values
        for field in ImportedLine.__struct_fields__
        if field not in {"type", "time"}
    },
)


@given(lines)
def test_whatever_a_line_says_it_is_refused_or_can_travel_and_be_stored(line: Any) -> None:
    try:
        event = read_line(msgspec.json.encode(line), DESTINATION)
    except RequestError:
        return

    assert decode_events(join_events([encode_event(event)])) == [event]
    assert b"\\u0000" not in msgspec.json.encode(event)


@given(st.sampled_from([EVENT, OPEN]), placeholders())
def test_a_placeholder_in_a_line_is_no_key_no_click_and_no_address(
    line: dict[str, Any], placeholder: str
) -> None:
    sent = line | {"id": placeholder, "click_id": placeholder, "ip": placeholder}

    event = read_sent_line(decode_line(json.dumps(sent).encode()), SENT, UUID(int=7))

    assert (event.idempotency_key, event.click_id, event.ip_address) == (None, None, None)
    assert (event.user_id, event.kind) == ("u", read(line).kind)
    assert set(event.parameters) >= {"id", "ip", "click_id"}


@given(st.sampled_from([EVENT, OPEN]), placeholders())
def test_what_is_not_used_of_a_line_is_noted_and_kept_beside_the_senders_parameters(
    line: dict[str, Any], placeholder: str
) -> None:
    noted: list[UnreadValue] = []
    names = ("id", "click_id", "ip", "user_agent")
    own = {name: f"own-{name}" for name in names}
    sent = line | dict.fromkeys(names, placeholder) | {"parameters": own | {"id (2)": "own"}}

    event = read(sent, replace(DESTINATION, note=noted.append))

    assert event.user_agent is None
    kept = {f"{name} (2)": placeholder for name in names[1:]} | {"id (3)": placeholder}
    assert event.parameters == own | {"id (2)": "own"} | kept
    assert sorted(noted, key=str) == sorted(
        (UnreadValue(UnreadReason.MACRO, name, placeholder) for name in names), key=str
    )


@pytest.mark.parametrize(
    "text", ["{user_id}", "\u200b", " ", "d41d8cd98f00b204e9800998ecf8427e", "f" * 32]
)
def test_where_a_click_stands_in_the_users_id_is_kept_as_at_a_call(text: str) -> None:
    sent = {"user_id": text, "click_id": "c-1", "event_id": "purchase"}
    called = read_postback(parameters(urlencode(sent)), request_context()).event

    event = read(EVENT | sent)

    assert (event.user_id, event.parameters) == (called.user_id, called.parameters)
    assert event.parameters == {"user_id": text}


@given(
    st.sampled_from(
        ["user_agent", "sale_amount", "sale_amount_currency", "aggregated_event_value"]
    ),
    placeholders(),
)
def test_a_placeholder_in_a_line_does_what_it_does_at_a_call(name: str, placeholder: str) -> None:
    sent = {"user_id": "u", "event_id": "purchase", name: placeholder}
    noted: list[UnreadValue] = []
    taken = parameters(urlencode(sent))
    try:
        called: Event | str = read_postback(taken, request_context()).event
    except RequestError as error:
        called = str(error.field)
    try:
        event: Event | str = read(EVENT | sent, replace(DESTINATION, note=noted.append))
    except RequestError as error:
        event = str(error.field)

    if isinstance(called, str) or isinstance(event, str):
        assert event == called
        return
    assert (event.user_agent, event.sale_amount) == (called.user_agent, called.sale_amount)
    assert event.parameters == called.parameters == {name: placeholder}
    assert noted == taken.unread


def test_device_ids_of_nobody_in_a_line_are_noted_as_those_of_a_call() -> None:
    noted: list[UnreadValue] = []
    ids = {"gaid": "{gaid}", "idfa": "0000", "mac": "nonsense", "oaid": "\u200b"}

    event = read(EVENT | {"device_ids": ids}, replace(DESTINATION, note=noted.append))
    taken = parameters(urlencode({"user_id": "u", "event_id": "purchase"} | ids))
    called = read_postback(taken, request_context()).event

    assert event.device_ids == called.device_ids
    assert sorted(noted, key=str) == sorted(taken.unread, key=str)
    assert {unread.name for unread in noted} == {"gaid", "mac", "oaid"}


@given(placeholders())
def test_a_click_whose_id_is_a_placeholder_has_the_click_id_of_its_receipt(
    placeholder: str,
) -> None:
    click = CLICK | {"link": "Summer", "id": placeholder}

    first, second = (
        read_sent_line(decode_line(json.dumps(click).encode()), SENT, UUID(int=number))
        for number in (7, 8)
    )

    assert first.click_id != second.click_id


@pytest.mark.parametrize("ip", ["999.1.1.1", "nowhere", "1.2.3"])
def test_what_is_neither_an_address_nor_a_placeholder_is_refused(ip: str) -> None:
    assert refusal(EVENT | {"ip": ip}).field == "ip"


@pytest.mark.parametrize("name", ["id", "ip", "click_id"])
def test_a_placeholder_that_postgresql_cannot_store_is_refused(name: str) -> None:
    assert refusal(EVENT | {name: "{\0}"}).field == name
