"""Segment's calls: what is read of each, its clock, its context, and what is refused."""

import gzip
import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects.segment.message import MESSAGES
from ingest.parameters import Parameters, RawParameters
from ingest.sent_pairs import json_pairs
from shared.device_ids import identifying, usable
from shared.errors import MissingField, RequestError
from shared.events import Event, Kind, decode_events
from shared.fields import iso_time
from shared.integration_log import recent_checks
from shared.rejections import recent_rejections
from shared.scopes import Scope
from tests.support.build import NOW_MS, TOKEN, batch, grant, request_context, snapshot
from tests.support.placeholders import placeholders
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import in_loop

GOOD: dict[str, Any] = {"userId": "019mr8mf4r", "event": "Item Purchased"}
HOUR_MS = 3_600_000
IDFA = "7A3CBEA0-BDF5-11E4-8DFC-AA07A5B093DB"


def sent(body: dict[str, Any]) -> Parameters:
    document = json_pairs(json.dumps(body).encode())
    return RawParameters(b"", b"", document=document).parameters(without=("writeKey",))


def read(body: dict[str, Any], call: str = "track", **context: Any) -> Event:
    return MESSAGES[call].read(sent(body), request_context(**context)).event


def outcome(body: dict[str, Any], call: str) -> Event | RequestError:
    try:
        return read(body, call)
    except RequestError as error:
        return error


def refused(body: dict[str, Any], call: str = "track") -> tuple[str, str]:
    with pytest.raises(RequestError) as caught:
        read(body, call)
    reply = MESSAGES[call].error_reply(caught.value, None)
    told = json.loads(reply.body)
    assert (reply.status, told["success"]) == (400, False)
    return told["code"], told["field"]


def basic(key: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{key}:'.encode()).decode()}"}


async def post(ingest: Running, body: object, path: str = "/v1/track", **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ingest.conductor.simulate_post(
        path, body=content, headers={"Content-Type": "application/json", **named}
    )


def test_a_tracked_event_has_its_name_its_amount_and_its_message_id() -> None:
    event = read(
        GOOD
        | {
            "anonymousId": "507f191e810c19729de860ea",
            "messageId": "m-1",
            "properties": {"revenue": 14.99, "currency": "eur", "name": "Mat"},
            "context": {"ip": "24.5.68.47", "userAgent": "Mozilla/5.0 (Test)", "locale": "nl-NL"},
            "integrations": {"All": True},
        }
    )

    assert (event.kind, event.event_id, event.user_id) == (
        Kind.EVENT,
        "Item Purchased",
        "019mr8mf4r",
    )
    assert (event.sale_amount, event.sale_amount_currency) == ("14.99", "EUR")
    assert json.loads(event.event_value or "")["name"] == "Mat"
    assert event.idempotency_key == "m-1"
    assert (event.ip_address, event.user_agent) == ("24.5.68.47", "Mozilla/5.0 (Test)")
    assert event.device_ids == {"external_device_id": "507f191e810c19729de860ea"}
    assert event.parameters == {"context": '{"locale":"nl-NL"}', "integrations": '{"All": true}'}


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("identify", {"traits": {"plan": "pro"}}),
        ("page", {"name": "Home", "properties": {"url": "https://shop.example"}}),
        ("screen", {"name": "Main"}),
        ("group", {"groupId": "g-1", "traits": {"employees": 420}}),
        ("alias", {"previousId": "anon-1"}),
    ],
)
def test_another_call_is_an_event_by_its_own_name_and_worth_nothing(
    call: str, body: dict[str, Any]
) -> None:
    event = read({"userId": "u", "type": call, "properties": {"revenue": "x"}, **body}, call)

    assert (event.event_id, event.endpoint, event.sale_amount) == (call, f"/v1/{call}", None)
    assert event.parameters.get("groupId") == body.get("groupId")
    assert event.device_ids == ({"external_device_id": "anon-1"} if call == "alias" else {})


def test_without_a_user_id_the_anonymous_id_is_the_user() -> None:
    assert read({"anonymousId": "anon", "event": "e"}).user_id == "anon"
    assert read({"userId": None, "anonymousId": "anon", "event": "e"}).user_id == "anon"
    assert read({"userId": "null", "anonymousId": "anon", "event": "e"}).user_id == "anon"
    assert read({"userId": 97980, "event": "e"}).user_id == "97980"


@pytest.mark.parametrize(
    ("context", "ids"),
    [
        (
            {"os": {"name": "iOS"}, "device": {"id": "B5372DB0", "advertisingId": IDFA}},
            {"idfv": "B5372DB0", "idfa": IDFA},
        ),
        (
            {"device": {"type": "android", "id": "9774d56d", "advertisingId": IDFA}},
            {"android_id": "9774d56d", "gps_adid": IDFA},
        ),
        ({"device": {"id": "B5372DB0", "advertisingId": IDFA}}, {}),
        ({"os": {"name": "Windows"}, "device": {"id": "x"}}, {}),
        ({"os": "iOS", "device": ["x"]}, {}),
    ],
)
def test_the_ids_of_a_device_are_those_of_its_platform(
    context: dict[str, Any], ids: dict[str, str]
) -> None:
    event = read(GOOD | {"context": context})

    assert event.device_ids == ids
    assert (IDFA in event.parameters["context"]) == (IDFA in str(context) and not ids)


def test_a_device_without_a_user_agent_is_described_and_one_with_is_not() -> None:
    device = {
        "os": {"name": "iOS", "version": "17.4"},
        "device": {"type": "ios", "model": "iPhone15,2", "manufacturer": "Apple"},
    }

    described = read(GOOD | {"context": device}).described_device
    assert described == "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)"
    assert read(GOOD | {"context": {**device, "userAgent": "x y"}}).described_device is None


@pytest.mark.parametrize(
    "page",
    [
        {"search": "?utm_source=a&clkid=CLICK-1"},
        {"url": "https://shop.example/welcome?clkid=CLICK-1#top"},
        {"search": "", "url": "https://shop.example/?clkid=CLICK-1"},
    ],
)
def test_a_page_that_a_link_has_led_to_names_its_click(page: dict[str, str]) -> None:
    assert read({"userId": "u", "context": {"page": page}}, "page").click_id == "CLICK-1"


@pytest.mark.parametrize("page", [{"url": "http://["}, {"search": 1}, {"search": "?clkid={clkid}"}])
def test_a_page_without_a_click_names_none(page: dict[str, Any]) -> None:
    assert read({"userId": "u", "context": {"page": page}}, "page").click_id is None


@pytest.mark.parametrize(
    ("times", "expected_ms"),
    [
        ({}, None),
        ({"timestamp": -5_000}, NOW_MS - 5_000),
        ({"timestamp": -5_000, "sentAt": -1_000}, NOW_MS - 5_000),
        # A clock that is a day behind, as Segment corrects it.
        ({"timestamp": -24 * HOUR_MS - 60_000, "sentAt": -24 * HOUR_MS}, NOW_MS - 60_000),
        ({"originalTimestamp": 3 * HOUR_MS - 1_000, "sentAt": 3 * HOUR_MS}, NOW_MS - 1_000),
        # Passed on: somebody has corrected it already, and sent it hours later.
        (
            {"timestamp": -9 * HOUR_MS, "sentAt": -8 * HOUR_MS, "receivedAt": -8 * HOUR_MS},
            NOW_MS - 9 * HOUR_MS,
        ),
        ({"timestamp": 10_000}, NOW_MS),  # nothing happens after it was received
    ],
)
def test_a_time_is_corrected_by_the_time_of_sending_unless_somebody_has_done_so(
    times: dict[str, int], expected_ms: int | None
) -> None:
    stamps = {name: iso_time(NOW_MS + offset) for name, offset in times.items()}
    event = read(GOOD | stamps)

    assert event.event_time_ms == expected_ms
    assert stamps.items() <= event.parameters.items()


@pytest.mark.parametrize("stamp", ["yesterday", "{{timestamp}}", "2026-99-01T00:00:00Z", "12"])
def test_a_time_that_cannot_be_read_counts_as_not_sent_and_is_noted(stamp: str) -> None:
    parameters = sent(GOOD | {"timestamp": stamp})
    if stamp == "12":
        with pytest.raises(RequestError):
            MESSAGES["track"].read(parameters, request_context())
        return
    event = MESSAGES["track"].read(parameters, request_context()).event

    assert event.event_time_ms is None
    assert [unread.name for unread in parameters.unread] == ["timestamp"]


@pytest.mark.parametrize(
    ("event_id", "properties", "amount"),
    [
        ("Order Completed", {"revenue": 25, "total": 27.5}, "25"),
        ("Order Completed", {"total": 27.5}, "27.5"),
        ("Completed Order", {"total": "27.5"}, "27.5"),
        ("Item Viewed", {"total": 27.5}, None),
        ("Sale", {"revenue": "$19.99"}, "19.99"),
        ("Sale", {"revenue": "{{price}}"}, None),
        ("Sale", {"revenue": None, "value": 3}, None),
        ("Sale", {"revenue": True}, None),
    ],
)
def test_the_amount_is_the_revenue_or_the_total_of_a_completed_order(
    event_id: str, properties: dict[str, Any], amount: str | None
) -> None:
    assert read({"userId": "u", "event": event_id, "properties": properties}).sale_amount == amount


@pytest.mark.parametrize(
    ("call", "changes", "code", "field"),
    [
        ("track", {"userId": None}, "missing_field", "userId"),
        ("track", {"event": " "}, "missing_field", "event"),
        ("track", {"event": "{event}"}, "missing_field", "event"),
        ("track", {"type": "page"}, "malformed_field", "type"),
        ("track", {"properties": {"revenue": "1,50"}}, "malformed_field", "properties.revenue"),
        ("track", {"properties": {"currency": "X"}}, "malformed_field", "properties.currency"),
        ("track", {"timestamp": "2012-12-02T00:30:12.984Z"}, "malformed_field", "timestamp"),
        ("group", {}, "missing_field", "groupId"),
        ("alias", {}, "missing_field", "previousId"),
        ("alias", {"userId": "", "previousId": "a"}, "missing_field", "userId"),
    ],
)
def test_a_field_is_refused_by_its_name(
    call: str, changes: dict[str, Any], code: str, field: str
) -> None:
    assert refused({**GOOD, **changes}, call) == (code, field)


@in_loop
async def test_the_write_key_comes_as_user_name_in_the_body_or_as_any_token_does() -> None:
    no_colon = {"Authorization": f"Basic {b64encode(TOKEN.encode()).decode()}"}
    async with running() as ingest:
        for headers, body in (
            (basic(TOKEN), GOOD),
            (no_colon, GOOD),
            ({}, GOOD | {"writeKey": TOKEN}),
            (basic(TOKEN), GOOD | {"writeKey": TOKEN}),
            ({"Authorization": f"Bearer {TOKEN}"}, GOOD),
        ):
            answer = await post(ingest, body, **headers)
            assert (answer.status_code, answer.text) == (200, '{"success":true}')
            assert "waybill-receipt" in answer.headers
        assert len(ingest.stored()) == 5
        assert TOKEN not in repr(ingest.stored())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("wrong"),
        basic(""),
        {"Authorization": "Basic"},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic /w=="},
    ],
)
@in_loop
async def test_a_write_key_that_is_missing_or_not_valid_is_refused(headers: dict[str, str]) -> None:
    async with running() as ingest:
        answer = await post(ingest, GOOD, **headers)

        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
        assert (await post(ingest, GOOD | {"writeKey": "other"}, **basic(TOKEN))).status_code == 401


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"[]", {}),
        (b"{", {}),
        (b'{"userId":"u"', {}),
        (b"\xff", {}),
        (b"x", {"Content_Type": "text/plain"}),
        (b'{"x":"' + b"y" * 70_000 + b'"}', {}),
        (gzip.compress(b"{}", mtime=0)[:-9], {"Content_Encoding": "gzip"}),
        (gzip.compress(b'{"x":"' + b"y" * 70_000 + b'"}', mtime=0), {"Content_Encoding": "gzip"}),
    ],
)
@in_loop
async def test_what_is_no_json_or_too_large_is_a_400(body: bytes, headers: dict[str, str]) -> None:
    async with running() as ingest:
        answer = await post(ingest, body, **basic(TOKEN), **headers)

        assert (answer.status_code, answer.json["success"]) == (400, False)
        assert ingest.stored() == []


@in_loop
async def test_a_call_may_be_compressed_and_one_that_only_says_so_is_read_as_it_is() -> None:
    plain = json.dumps(GOOD).encode()
    async with running() as ingest:
        for body in (gzip.compress(plain), plain):
            answer = await post(ingest, body, **basic(TOKEN), Content_Encoding="gzip")
            assert answer.status_code == 200, answer.text
        assert len(ingest.stored()) == 2


@in_loop
async def test_the_check_shows_the_call_and_the_log_shows_a_refusal_without_its_key() -> None:
    held = snapshot(1, events=grant(token_id=5, scopes=(Scope.EVENTS,)))
    async with running(held) as ingest:
        await post(ingest, GOOD, **basic("events"))
        await post(ingest, GOOD | {"event": "__open", "writeKey": "events"})
        await ingest.parts.checks.write()
        await ingest.parts.rejections.write()

        (entries,) = recent_checks(ingest.redis, 1, (5,), 50).values()
        assert [(entry.dialect, entry.status, entry.fault) for entry in entries] == [
            ("segment", 401, "insufficient_scope"),
            ("segment", 200, None),
        ]
        (logged,) = recent_rejections(ingest.redis, 10)
        assert logged.parameters.get("userId") is not None
        assert "events" not in str(logged.parameters)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_VALUES = st.recursive(
    _SCALARS | placeholders(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("ip", "userAgent", "device", "os", "name", "id", "type", "page", "search"),
                    *("revenue", "currency", "total", "model", "version", "advertisingId", "url"),
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
_NAMES = [
    *("userId", "anonymousId", "messageId", "event", "properties", "traits", "context", "type"),
    *("timestamp", "originalTimestamp", "sentAt", "receivedAt", "groupId", "previousId", "x"),
    *("click_id", "idempotency_key", "idfa", "integrations"),
]


@given(
    st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=8), st.sampled_from(list(MESSAGES))
)
def test_whatever_is_sent_is_read_or_refused_by_name_and_what_is_read_can_be_stored(
    body: dict[str, Any], call: str
) -> None:
    event = outcome({**GOOD, "groupId": "g", "previousId": "p", **body}, call)
    if isinstance(event, RequestError):
        assert event.field is not None
        assert MESSAGES[call].error_reply(event, None).status == 400
        return
    (stored,) = decode_events(batch(event))
    assert stored == event
    assert "\0" not in "".join([*event.parameters, *event.parameters.values(), event.user_id])


@given(placeholders(), st.sampled_from(["anonymousId", "messageId", "click_id"]))
def test_no_placeholder_makes_a_user_a_device_or_a_key(text: str, name: str) -> None:
    event = read(GOOD | {name: text})

    assert (event.user_id, event.click_id, event.idempotency_key, event.device_ids) == (
        GOOD["userId"],
        None,
        None,
        {},
    )


def _context_of(place: str, text: str) -> dict[str, Any]:
    places: dict[str, dict[str, Any]] = {
        "ip": {"ip": text},
        "userAgent": {"userAgent": text},
        "id": {"os": {"name": "iOS"}, "device": {"id": text}},
        "advertisingId": {"device": {"type": "android", "advertisingId": text}},
        "search": {"page": {"search": f"?clkid={quote(text)}"}},
        "url": {"page": {"url": f"https://shop.example/?clkid={quote(text)}"}},
    }
    return places[place]


@given(
    placeholders(),
    st.sampled_from(["ip", "userAgent", "id", "advertisingId", "search", "url"]),
    st.sampled_from([call for call in MESSAGES if call not in {"group", "alias"}]),
)
def test_no_placeholder_in_the_context_makes_a_place_a_device_or_a_credit(
    text: str, place: str, call: str
) -> None:
    body = {"userId": GOOD["userId"]} | (GOOD if call == "track" else {})
    event = read(body | {"context": _context_of(place, text)}, call)

    assert (event.user_id, event.click_id, event.ip_address, event.user_agent) == (
        GOOD["userId"], None, None, None,
    )  # fmt: skip
    assert identifying(usable(event.device_ids)) == frozenset()


@given(placeholders())
def test_no_placeholder_is_the_user_of_a_call(text: str) -> None:
    for name in ("userId", "anonymousId"):
        with pytest.raises(MissingField):
            read({"event": "Item Purchased", name: text})
    with pytest.raises(MissingField):
        read({"userId": "u", "previousId": text}, "alias")
