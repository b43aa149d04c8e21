"""Singular's sessions and events: recorded calls, what is read of them, and what is refused."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects.singular.call import CALLS
from shared.device_ids import identifying, usable
from shared.errors import RequestError, UnknownDevice
from shared.events import Event, Kind, decode_events
from shared.integration_log import recent_checks
from shared.rejections import recent_rejections
from shared.scopes import Scope
from tests.support.build import NOW_MS, TOKEN, batch, grant, parameters, request_context, snapshot
from tests.support.placeholders import placeholders
from tests.unit.ingest.dialects.recorded import is_as_expected, recorded_calls, replay
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import in_loop

LAUNCH, EVT, EVT_2 = CALLS
ASID = "e1d4ae2a-4a2f-4c3e-9c0b-0d1f5a3b7c9e"
AIFA = "8ecd7512-2864-440c-93f3-a3cabe62525b"
GOOD = {"p": "Android", "i": "com.shop", "asid": ASID, "n": "login"}


def read(fields: dict[str, str], path: str = EVT, **context: Any) -> Event:
    return CALLS[path].read(parameters(urlencode(fields)), request_context(**context)).event


def outcome(fields: dict[str, str], path: str) -> Event | RequestError:
    try:
        return read(fields, path)
    except RequestError as error:
        return error


def reason(fields: dict[str, str], path: str = EVT) -> str:
    with pytest.raises(RequestError) as caught:
        read(fields, path)
    reply = CALLS[path].error_reply(caught.value, None)
    body = json.loads(reply.body)
    assert (reply.status, body["status"]) == (200, "error")
    return str(body["reason"])


async def ask(ingest: Running, path: str, fields: dict[str, str], key: str | None = TOKEN) -> Any:
    shown = {} if key is None else {"a": key}
    return await ingest.conductor.simulate_get(path, query_string=urlencode(fields | shown))


@pytest.mark.parametrize("call", recorded_calls(Path(__file__).parent), ids=lambda c: c["name"])
@in_loop
async def test_a_recorded_call_gets_the_answer_that_its_sender_expects(
    call: dict[str, Any],
) -> None:
    async with running() as ingest:
        answer = await replay(ingest, call)

        assert is_as_expected(call, answer), answer.text
        assert len(ingest.stored()) == (1 if answer.json == {"status": "ok"} else 0)
        assert ["waybill-receipt" in answer.headers] == [bool(ingest.stored())]
        assert TOKEN not in repr(ingest.stored())


def test_an_event_has_its_revenue_its_device_and_its_time() -> None:
    event = read(
        GOOD
        | {
            "n": "purchase",
            "aifa": AIFA,
            "custom_user_id": "u-1",
            "utime": str(NOW_MS // 1000 - 60),
            "amt": "28.50",
            "cur": "usd",
            "is_revenue_event": "true",
            "ip": "203.0.113.7",
            "e": '{"sku":"coins"}',
            "ve": "14",
            "mo": "Pixel 8",
        }
    )

    assert (event.kind, event.event_id, event.user_id) == (Kind.EVENT, "purchase", ASID)
    assert (event.sale_amount, event.sale_amount_currency) == ("28.50", "USD")
    assert event.event_time_ms == (NOW_MS // 1000 - 60) * 1000
    assert event.device_ids == {"google_app_set_id": ASID, "gps_adid": AIFA}
    assert (event.ip_address, event.event_value) == ("203.0.113.7", '{"sku":"coins"}')
    assert event.described_device == "Mozilla/5.0 (Linux; Android 14; Pixel 8)"
    assert event.parameters["custom_user_id"] == "u-1"


def test_a_launch_is_an_open_and_its_name_is_that_of_the_app() -> None:
    event = read(GOOD | {"n": "My Shop", "install": "true"}, LAUNCH)

    assert (event.kind, event.event_id) == (Kind.OPEN, "__open")
    assert (event.parameters["n"], event.parameters["install"]) == ("My Shop", "true")


@pytest.mark.parametrize(
    "sent",
    [
        {"install_ref": json.dumps({"referrer": "utm_source%3Da%26clkid%3DCLICK-1"})},
        {"install_ref": json.dumps({"referrer": "clkid=CLICK-1"}), "openuri": "shop://x?clkid=y"},
        {"openuri": "https://shop.example/welcome?clkid=CLICK-1"},
        {"click_id": "CLICK-1", "openuri": "shop://x?clkid=other"},
    ],
)
def test_a_session_names_the_click_that_the_store_or_the_link_tells(sent: dict[str, str]) -> None:
    assert read(GOOD | sent, LAUNCH).click_id == "CLICK-1"


@pytest.mark.parametrize(
    "sent", [{"install_ref": "x"}, {"install_ref": '{"referrer":1}'}, {"openuri": "http://["}, {}]
)
def test_a_referrer_that_names_no_click_makes_none(sent: dict[str, str]) -> None:
    assert read(GOOD | sent, LAUNCH).click_id is None


def test_milliseconds_count_before_seconds_and_a_time_beyond_the_limits_counts_as_not_sent() -> (
    None
):
    assert read(GOOD | {"umilisec": str(NOW_MS - 1), "utime": "1630511211"}).event_time_ms == (
        NOW_MS - 1
    )
    assert read(GOOD | {"utime": "1630511211"}).event_time_ms is None


@pytest.mark.parametrize(
    ("sent", "amount"),
    [
        ({"amt": "3"}, "3"),
        ({"amt": "3", "is_revenue_event": "false"}, None),
        ({"amt": "3", "is_revenue_event": "false", "n": "__iap__"}, "3"),
        ({"amt": "{price}"}, None),
    ],
)
def test_an_amount_counts_unless_the_event_says_that_it_is_no_revenue(
    sent: dict[str, str], amount: str | None
) -> None:
    assert read(GOOD | sent).sale_amount == amount


@pytest.mark.parametrize(
    ("ids", "user"),
    [
        ({"idfv": "v", "idfa": "x"}, "v"),
        ({"sdid": "d", "custom_user_id": "u"}, "d"),
        ({"match_id": "m", "custom_user_id": "u"}, "m"),
        ({"custom_user_id": "u"}, "u"),
        ({"asid": ASID, "aifa": "00000000-0000-0000-0000-000000000000"}, ASID),
    ],
)
def test_the_device_names_the_user_and_only_without_one_the_senders_own_id(
    ids: dict[str, str], user: str
) -> None:
    assert read({"p": "iOS", "i": "a", "n": "e", **ids}).user_id == user


@pytest.mark.parametrize("platform", ["ANDROID", "ios", "MetaQuest", "metaquest", "PC", "ctv"])
def test_a_platform_is_read_in_any_case(platform: str) -> None:
    assert read(GOOD | {"p": platform}).parameters["p"] == platform


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"n": ""}, "missing argument: n"),
        ({"n": "{event}"}, "missing argument: n"),
        ({"p": ""}, "missing argument: p"),
        ({"i": " "}, "missing argument: i"),
        ({"p": "BeOS"}, "invalid platform: BeOS"),
        ({"p": "<b>"}, "invalid platform: "),
        ({"asid": ""}, "no device ID supplied"),
        ({"asid": "{asid}"}, "no device ID supplied"),
        ({"amt": "1,5"}, "invalid argument: amt. amt must be"),
        ({"cur": "COINS"}, "invalid argument: cur. cur must be"),
    ],
)
def test_a_call_is_refused_in_the_published_words(changes: dict[str, str], text: str) -> None:
    assert reason(GOOD | changes).startswith(text)


@pytest.mark.parametrize(
    ("key", "text"), [(None, "missing argument: a"), ("wrong", "invalid argument: a")]
)
@in_loop
async def test_a_key_that_is_missing_or_not_valid_is_told_by_the_body_as_everything_is(
    key: str | None, text: str
) -> None:
    async with running() as ingest:
        answer = await ask(ingest, EVT, GOOD, key)

        assert (answer.status_code, answer.json) == (200, {"status": "error", "reason": text})


@in_loop
async def test_what_could_not_be_stored_is_no_200_and_no_word_of_it_says_not_to_send_again() -> (
    None
):
    async with running() as ingest:
        ingest.parts.gate.durable = False
        answer = await ask(ingest, EVT, GOOD)

        assert (answer.status_code, answer.json["status"]) == (503, "error")
        said = answer.json["reason"].lower()
        assert not any(word in said for word in ("invalid", "missing", "should have", "no device"))


@in_loop
async def test_a_session_needs_its_scope_and_the_check_shows_each_call() -> None:
    held = snapshot(1, events=grant(token_id=5, scopes=(Scope.EVENTS,)))
    async with running(held) as ingest:
        refused = await ask(ingest, LAUNCH, GOOD, "events")
        accepted = await ask(ingest, EVT_2, GOOD, "events")
        await ingest.parts.checks.write()

        assert refused.json == {"status": "error", "reason": "invalid argument: a"}
        assert accepted.json == {"status": "ok"}
        (entries,) = recent_checks(ingest.redis, 1, (5,), 50).values()
        assert [(entry.dialect, entry.endpoint, entry.fault) for entry in entries] == [
            ("singular", EVT_2, None),
            ("singular", LAUNCH, "insufficient_scope"),
        ]


@in_loop
async def test_the_log_shows_a_refusal_without_its_key_also_of_a_batch() -> None:
    key = "shop_5e8f"
    held = snapshot(1, **{key: grant()})
    line = {"dialect": "singular", "endpoint": EVT, "params": {**GOOD, "n": "", "a": key}}
    query = line | {"params": urlencode({**GOOD, "n": "", "a": key})}
    async with running(held) as ingest:
        await ask(ingest, EVT, GOOD | {"n": ""}, key)
        answer = await ingest.batch([line, query], token=key)
        await ingest.parts.rejections.write()

        assert answer.json["rejected"] == 2
        logged = recent_rejections(ingest.redis, 10)
        assert [entry.field for entry in logged] == ["n"] * 3
        assert key not in str(logged)
        assert all("asid" in str(entry.parameters) for entry in logged)


NAMES = (
    *("idfa", "idfv", "aifa", "asid", "andi", "amid", "oaid", "sdid", "match_id", "ip", "ua", "e"),
    *("custom_user_id", "utime", "umilisec", "amt", "cur", "is_revenue_event", "install_ref"),
    *("openuri", "click_id", "idempotency_key", "event_time", "ve", "mo", "p", "i", "n", "x"),
)


@given(
    st.dictionaries(st.sampled_from(NAMES), st.text(max_size=12) | placeholders(), max_size=8),
    st.sampled_from(list(CALLS)),
)
def test_whatever_is_sent_is_read_or_refused_by_name_and_what_is_read_can_be_stored(
    sent: dict[str, str], path: str
) -> None:
    event = outcome(GOOD | sent, path)
    if isinstance(event, RequestError):
        assert json.loads(CALLS[path].error_reply(event, None).body)["status"] == "error"
        return
    (stored,) = decode_events(batch(event))
    assert stored == event


REFERRING = frozenset({"install_ref", "openuri"})
IDENTIFYING = (
    *("aifa", "amid", "andi", "idfa", "idfv", "sdid", "match_id", "custom_user_id", "click_id"),
    *("ip", "ua", "idempotency_key", "install_ref", "openuri", "oaid", "imei", "gps_adid"),
)


@given(placeholders(), st.sampled_from(IDENTIFYING), st.sampled_from(list(CALLS)))
def test_no_placeholder_makes_a_user_a_device_or_a_key(text: str, name: str, path: str) -> None:
    referring = (json.dumps({"referrer": f"clkid={text}"}), f"shop://x?clkid={quote(text)}")
    for sent in (text, *(referring if name in REFERRING else ())):
        event = read(GOOD | {name: sent}, path)
        assert (event.user_id, event.click_id, event.ip_address) == (ASID, None, None)
        assert (event.user_agent, event.idempotency_key) == (None, None)
        assert identifying(usable(event.device_ids)) == {ASID}


@given(placeholders(), st.sampled_from(list(CALLS)))
def test_no_placeholder_is_the_device_that_names_the_user(text: str, path: str) -> None:
    for name in ("asid", "aifa", "idfv", "andi", "custom_user_id"):
        with pytest.raises(UnknownDevice):
            read({"p": "Android", "i": "com.shop", "n": "login", name: text}, path)
