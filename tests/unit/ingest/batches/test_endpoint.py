"""A batch on its way: what is sent, how each event is judged, and what is stored."""

import gzip
import json
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ingest.app import ROUTES
from shared.device_ids import identifying_of
from shared.events import CLICK_KINDS, Environment, Event, Kind
from shared.integration_log import UnreadReason, unread_counts
from shared.rejections import recent_rejections, rejection_counts
from shared.scopes import Scope
from shared.snapshot import KnownApp, KnownEventType, Snapshot
from tests.support.build import LINK_KEY, NOW_MS, TOKEN, digest, grant, linked, snapshot
from tests.support.placeholders import placeholders
from tests.unit.ingest.harness import Running, publish, running
from tests.unit.loop import in_loop, run_in_loop, until

EVENT = {"type": "event", "time": NOW_MS, "user_id": "u", "event_id": "purchase"}
OPEN = {"type": "open", "time": NOW_MS, "user_id": "u"}
CLICK = {"type": "click", "time": NOW_MS}
NO_RECEIPT = UUID(int=0)
POSTBACK = {"dialect": "swaarm", "endpoint": "/postback"}
ADJUST = {"dialect": "adjust"}
LINKED = {"endpoint": "/click"}
FULL = {"user_id": "u", "event_id": "e"}
MANY = dict.fromkeys(map(str, range(65)), "")
GZIP = {"Content_Encoding": "gzip"}
APP = KnownApp(1, (), False, {"f0ob4r": KnownEventType(1, "purchase")})


def with_app(**changes: Any) -> Snapshot:
    app = structs.replace(APP, **changes)
    return structs.replace(snapshot(), apps={"4w565xzmb54d": app})


async def verdicts(ingest: Running, events: object, query: str = "", **headers: str) -> list[Any]:
    answer = await ingest.batch(events, query, **headers)
    assert answer.status_code == 200, answer.text
    results: list[Any] = answer.json["results"]
    return results


def row(event: Event) -> Event:
    """What is the same of one event whichever way it came."""
    return structs.replace(
        event, receipt=NO_RECEIPT, idempotency_key=None, endpoint="", click_id=None, token_id=0
    )


@in_loop
async def test_every_event_gets_its_verdict_in_the_order_of_the_batch() -> None:
    async with running() as ingest:
        events = [EVENT | {"id": "a"}, EVENT | {"id": "b", "sale_amount": "x"}, OPEN]
        answer = await ingest.batch(events)

        first, second = ingest.stored()
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert "retry-after" not in answer.headers
        assert answer.json == {
            "accepted": 2,
            "duplicate": 0,
            "rejected": 1,
            "retry": 0,
            "validate_only": False,
            "results": [
                {"index": 0, "status": "accepted", "id": "a", "receipt": str(first.receipt)},
                {
                    "index": 1,
                    "status": "rejected",
                    "id": "b",
                    "code": "malformed_field",
                    "field": "sale_amount",
                    "message": "sale_amount must be a decimal number with a point, like 12.50.",
                },
                {"index": 2, "status": "accepted", "receipt": str(second.receipt)},
            ],
        }


@in_loop
async def test_an_event_is_stored_with_its_sender_its_id_and_when_it_came() -> None:
    async with running(snapshot(1, t=grant(app_id=3, token_id=4))) as ingest:
        await ingest.batch([EVENT | {"id": "order-1", "time": NOW_MS - 5}], token="t")

        (event,) = ingest.stored()
        assert (event.app_id, event.token_id, event.endpoint) == (3, 4, "/batch")
        assert (event.idempotency_key, event.received_at_ms) == ("order-1", NOW_MS)
        assert (event.kind, event.event_time_ms) == (Kind.EVENT, NOW_MS - 5)


@in_loop
async def test_all_events_of_a_batch_are_one_entry_of_the_inbox_in_their_order() -> None:
    async with running(WAYBILL_BATCH_EVENTS_MAX="10", WAYBILL_BATCH_BYTES_MAX="2000") as ingest:
        await ingest.batch([EVENT | {"user_id": f"u{number}"} for number in range(1000)])

        stored = ingest.stored()
        assert ingest.redis.xlen("waybill:inbox") == 1
        assert [event.user_id for event in stored] == [f"u{number}" for number in range(1000)]
        receipts = [event.receipt for event in stored]
        assert receipts == sorted(set(receipts))


@pytest.mark.parametrize("kind", ["array", "envelope", "lines", "gzip"])
@in_loop
async def test_a_batch_comes_as_an_array_an_object_lines_or_gzip(kind: str) -> None:
    array = json.dumps([EVENT, OPEN]).encode()
    lines = b"%s\n%s\n" % (json.dumps(EVENT).encode(), json.dumps(OPEN).encode())
    bodies: dict[str, tuple[bytes, dict[str, str]]] = {
        "array": (array, {}),
        "envelope": (b'{"events":%s}' % array, {}),
        "lines": (lines, {"Content_Type": "application/x-ndjson"}),
        "gzip": (gzip.compress(array), {"Content_Encoding": "gzip"}),
    }
    async with running() as ingest:
        body, headers = bodies[kind]
        assert len(await verdicts(ingest, body, **headers)) == 2
        assert [event.kind for event in ingest.stored()] == [Kind.EVENT, Kind.OPEN]


@in_loop
async def test_every_kind_of_event_is_taken() -> None:
    revenue = OPEN | {"type": "ad_revenue", "sale_amount": 0.01, "sale_amount_currency": "USD"}
    events = [EVENT, OPEN, revenue | {"ad_network": "n"}, CLICK, CLICK | {"type": "impression"}]
    async with running() as ingest:
        results = await verdicts(ingest, events)

        assert {result["status"] for result in results} == {"accepted"}
        assert [event.kind for event in ingest.stored()] == [
            Kind.EVENT, Kind.OPEN, Kind.AD_REVENUE, Kind.CLICK, Kind.IMPRESSION,
        ]  # fmt: skip


@in_loop
async def test_a_click_names_its_link_by_name_or_offer_if_it_is_one_of_the_app() -> None:
    other = structs.replace(linked(name="Spring").links[LINK_KEY], app_id=2, name="Autumn")
    held = linked(name="Spring")
    held = structs.replace(held, links={**held.links, type(LINK_KEY)("9", "9"): other})
    events = [CLICK | {"link": "Spring"}, CLICK | {"offer_id": "12", "pub_id": "34"}]
    async with running(held) as ingest:
        results = await verdicts(ingest, [*events, CLICK | {"link": "Autumn"}])

        assert [event.link_id for event in ingest.stored()] == [7, 7]
        assert (results[2]["code"], results[2]["field"]) == ("malformed_field", "link")


@in_loop
async def test_a_new_link_is_known_as_soon_as_it_is_published() -> None:
    async with running() as ingest:
        assert (await verdicts(ingest, [CLICK | {"link": "Spring"}]))[0]["status"] == "rejected"
        publish(ingest.redis, structs.replace(linked(name="Spring"), version=2))
        await ingest.parts.watch.catch_up()

        assert (await verdicts(ingest, [CLICK | {"link": "Spring"}]))[0]["status"] == "accepted"


@in_loop
async def test_an_id_that_is_repeated_in_a_batch_is_stored_once() -> None:
    repeated = EVENT | {"id": "a"}
    async with running() as ingest:
        first, same, other = await verdicts(ingest, [repeated, repeated, repeated | {"ip": "::1"}])

        (event,) = ingest.stored()
        assert first["receipt"] == same["first_receipt"] == str(event.receipt)
        assert (first["status"], same["status"]) == ("accepted", "duplicate")
        assert (other["status"], other["code"], other["field"]) == (
            "rejected", "conflicting_values", "id",
        )  # fmt: skip


@in_loop
async def test_a_repeat_in_a_later_batch_is_told_while_the_first_still_waits() -> None:
    events = [
        EVENT | {"id": "a"},
        CLICK | {"id": "c"},
        POSTBACK | {"id": "p", "params": "user_id=u&event_id=e"},
    ]
    async with running() as ingest:
        first = await verdicts(ingest, events)
        again = await verdicts(ingest, events)
        changed = await verdicts(ingest, [EVENT | {"id": "a", "user_id": "v"}], "results=failed")

        assert {result["status"] for result in first} == {"accepted"}
        assert [(result["status"], result["first_receipt"]) for result in again] == [
            ("duplicate", result["receipt"]) for result in first
        ]
        assert not any("conflict" in result for result in again)
        (conflict,) = changed  # an ID that two events share is no success
        assert conflict["conflict"] is True
        assert conflict["first_receipt"] == first[0]["receipt"]


@in_loop
async def test_a_repeat_is_written_too_so_that_its_verdict_promises_what_accepted_does() -> None:
    async with running() as ingest:
        await ingest.batch([EVENT | {"id": "a"}])
        (again,) = await verdicts(ingest, [EVENT | {"id": "a"}])

        first, second = ingest.stored()
        assert again["receipt"] == str(second.receipt)
        assert first.idempotency_key == second.idempotency_key == "a"


@in_loop
async def test_an_id_is_of_one_app_and_environment() -> None:
    tokens = snapshot(1, a=grant(), b=grant(app_id=2), s=grant(environment=Environment.SANDBOX))
    async with running(tokens) as ingest:
        for token in ("a", "b", "s"):
            answer = await ingest.batch([EVENT | {"id": "1"}], token=token)
            assert answer.json["accepted"] == 1


@in_loop
async def test_events_without_an_id_are_all_stored() -> None:
    async with running() as ingest:
        assert {result["status"] for result in await verdicts(ingest, [EVENT, EVENT])} == {
            "accepted"
        }
        assert len(ingest.stored()) == 2


@in_loop
async def test_only_what_needs_attention_is_listed_where_that_is_asked_for() -> None:
    async with running() as ingest:
        events = [EVENT | {"id": "1"}, EVENT | {"id": "1"}, EVENT | {"time": "yesterday"}]
        answer = await ingest.batch(events, "results=failed")

        assert (answer.json["accepted"], answer.json["duplicate"]) == (1, 1)
        assert [result["index"] for result in answer.json["results"]] == [2]


@in_loop
async def test_a_batch_that_is_only_checked_has_the_same_verdicts_and_leaves_no_trace() -> None:
    events = [EVENT | {"id": "1"}, EVENT | {"id": "1"}, OPEN | {"ip": "x"}]
    async with running() as ingest:
        checked = await ingest.batch(events, "validate=only")
        keys = set(ingest.redis.keys())
        stored = await ingest.batch(events)

        snapshot = {
            f"waybill:snapshot{part}".encode() for part in ("", ":version", ":parts", ":index")
        }
        assert keys == snapshot
        assert checked.json["validate_only"] is True
        assert len(ingest.stored()) == 1
        assert [result["status"] for result in checked.json["results"]] == [
            result["status"] for result in stored.json["results"]
        ]
        assert "receipt" not in checked.json["results"][0]


@in_loop
async def test_a_batch_can_be_checked_while_nothing_can_be_stored() -> None:
    async with running() as ingest:
        ingest.parts.gate.durable = False
        assert (await ingest.batch([EVENT])).status_code == 503
        assert (await ingest.batch([EVENT], "validate=only")).status_code == 200


@in_loop
async def test_while_the_gate_is_closed_a_batch_is_refused_as_a_whole_to_be_sent_again() -> None:
    async with running() as ingest:
        ingest.parts.gate.shedding = True
        answer = await ingest.batch([EVENT])

        assert (answer.status_code, answer.json["error"]["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"] in {"1", "2", "3"}


@in_loop
async def test_events_that_could_not_be_stored_are_to_be_sent_again() -> None:
    async with running() as ingest:
        await ingest.lose_redis()
        answer = await ingest.batch([EVENT | {"id": "1"}, EVENT | {"id": "1"}, {"type": "?"}])

        assert answer.status_code == 200
        assert answer.headers["retry-after"] in {"1", "2", "3"}
        assert [(result["status"], result["code"]) for result in answer.json["results"]] == [
            ("retry", "inbox_unreachable")
        ] * 2 + [("rejected", "malformed_event")]
        assert answer.json["retry"] == 2


@in_loop
async def test_what_is_sent_again_after_a_failure_is_stored_once() -> None:
    events = [EVENT | {"id": f"{number}"} for number in range(20)]
    async with running() as ingest:
        await ingest.lose_redis()
        assert (await ingest.batch(events)).json["retry"] == 20
        ingest.find_redis()
        await until(lambda: ingest.parts.gate.reachable)
        answer = await ingest.batch(events)

        assert answer.json["accepted"] == 20
        assert len(ingest.stored()) == 20


@pytest.mark.parametrize(
    ("body", "headers", "status", "code", "field"),
    [
        (b"[", {}, 400, "malformed_body", None),
        (b"", {}, 400, "malformed_body", None),
        (b"[]", {"Content_Type": "text/plain"}, 415, "unsupported_body", "Content-Type"),
        (b"[]", {"Content_Encoding": "br"}, 415, "unsupported_body", "Content-Encoding"),
        (b"[]", GZIP, 400, "malformed_body", None),
        (b"[" + b"1," * 1000 + b"1]", {}, 413, "too_many_events", None),
        (b"[" + b" " * 5_000_000 + b"]", {}, 413, "request_too_large", None),
        (gzip.compress(b" " * 5_000_001), GZIP, 413, "request_too_large", None),
        (b"[]", {"Authorization": ""}, 401, "unauthorized", None),
        (b"[]", {"Authorization": "Bearer wrong"}, 401, "unauthorized", None),
    ],
    ids=[
        "no json", "nothing", "text", "brotli", "no gzip", "1001 events", "5 MB", "5 MB inflated",
        "no token", "wrong token",
    ],
)  # fmt: skip
@in_loop
async def test_a_batch_of_which_nothing_was_read_is_refused_as_a_whole(
    body: bytes, headers: dict[str, str], status: int, code: str, field: str | None
) -> None:
    async with running() as ingest:
        answer = await ingest.batch(body, **headers)

        assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
        assert answer.json["error"]["field"] == field
        assert ingest.stored() == []
        await ingest.parts.rejections.write()
        (entry,) = recent_rejections(ingest.redis, 10)
        assert (entry.endpoint, entry.status, entry.code) == ("/batch", status, code)


@in_loop
async def test_a_token_in_the_address_is_none() -> None:
    async with running() as ingest:
        answer = await ingest.batch([EVENT], f"s2s_token={TOKEN}", Authorization="")
        assert answer.status_code == 401


@in_loop
async def test_only_post_is_served() -> None:
    async with running() as ingest:
        for method in ("GET", "PUT"):
            answer = await ingest.conductor.simulate_request(method, "/batch")
            assert answer.status_code == 405
            assert "POST" in answer.headers["allow"]


@in_loop
async def test_a_token_is_for_the_kinds_of_its_scopes() -> None:
    async with running(snapshot(1, t=grant(scopes=(Scope.SESSIONS,)))) as ingest:
        answer = await ingest.batch([OPEN, EVENT, CLICK], token="t")

        assert [(result["status"], result.get("code")) for result in answer.json["results"]] == [
            ("accepted", None), ("rejected", "unauthorized"), ("rejected", "unauthorized"),
        ]  # fmt: skip


@in_loop
async def test_a_test_token_means_the_sandbox_whatever_the_event_says() -> None:
    tokens = snapshot(1, t=grant(environment=Environment.SANDBOX), p=grant())
    async with running(tokens) as ingest:
        events = [EVENT, EVENT | {"environment": "sandbox"}, EVENT | {"environment": "production"}]
        for token in ("t", "p"):
            await ingest.batch(events, token=token)

        assert [event.environment for event in ingest.stored()] == [
            *[Environment.SANDBOX] * 3,
            Environment.PRODUCTION,
            Environment.SANDBOX,
            Environment.PRODUCTION,
        ]


@in_loop
async def test_an_event_may_be_as_old_as_one_that_comes_alone() -> None:
    day_ms = 86_400_000
    async with running() as ingest:
        ages = [EVENT | {"time": NOW_MS - days * day_ms} for days in (58, 59)]
        results = await verdicts(ingest, [*ages, EVENT | {"time": NOW_MS + 2 * day_ms}])

        assert [result["status"] for result in results] == ["accepted", "rejected", "rejected"]


@in_loop
async def test_an_event_that_is_too_large_is_refused_alone() -> None:
    async with running() as ingest:
        large = EVENT | {"id": "big", "parameters": {"a": "x" * 70_000}}
        first, second = await verdicts(ingest, [large, EVENT])

        assert (first["status"], first["code"]) == ("rejected", "event_too_large")
        assert second["status"] == "accepted"


@in_loop
async def test_a_token_that_is_revoked_while_its_batch_waits_stores_nothing() -> None:
    tokens = snapshot(1, kept=grant(), gone=grant(token_id=2))
    async with running(tokens) as ingest:
        publish(ingest.redis, snapshot(2, kept=grant()))
        answer = await ingest.batch([EVENT, OPEN], token="gone")

        assert ingest.stored() == []
        assert [(result["status"], result["code"]) for result in answer.json["results"]] == [
            ("rejected", "unauthorized")
        ] * 2


@in_loop
async def test_rejected_events_are_in_the_log_as_far_as_it_is_bounded_and_counted_exactly() -> None:
    async with running() as ingest:
        bad = EVENT | {"ip": "nowhere", "parameters": {"api_key": "hush", "s2s_token": "hush"}}
        await ingest.batch([bad] * 300)
        await ingest.parts.rejections.write()

        entries = recent_rejections(ingest.redis, 1000)
        assert rejection_counts(ingest.redis) == {"malformed_field": 300}
        assert len(entries) == 20
        assert entries[0].parameters["user_id"] == "u"
        assert (entries[0].field, entries[0].app_id, entries[0].status) == ("ip", 1, 400)
        assert "hush" not in repr(entries)


@in_loop
async def test_the_integration_check_has_the_last_events_of_a_batch() -> None:
    async with running() as ingest:
        events = [EVENT | {"event_id": f"e{number}"} for number in range(80)]
        await ingest.batch([*events, EVENT | {"ip": "nowhere"}])
        await ingest.parts.checks.write()

        entries = ingest.redis.lrange("waybill:check:1:1", 0, -1)
        assert len(entries) == 50
        assert b"malformed_field" in entries[0]
        assert b"e79" in entries[1]
        assert ingest.redis.hlen("waybill:tokens:used") == 1


@in_loop
async def test_the_integration_check_counts_what_is_not_used_of_lines_and_of_calls() -> None:
    async with running(linked()) as ingest:
        click = CLICK | {"link": "Summer", "device_ids": {"gaid": "{gaid}"}}
        call = POSTBACK | {"params": FULL | {"gps_adid": "#gaid#"}}
        refused = EVENT | {"user_id": "{user_id}"}
        lines = [EVENT | {"id": "{order}", "user_agent": "undefined"}] * 3
        await ingest.batch([*lines, refused, refused, call, click, EVENT])
        await ingest.parts.checks.write()

        counts = unread_counts(ingest.redis, 1, 0)
        found = {(source.name, source.value): count.count for source, count in counts.items()}
        assert found == {
            ("id", "{order}"): 3,
            ("user_agent", "undefined"): 3,
            ("user_id", "{user_id}"): 2,
            ("gps_adid", "#gaid#"): 1,
            ("gaid", "{gaid}"): 1,
        }
        assert {source.endpoint for source in counts} == {"/batch"}
        assert {source.reason for source in counts} == {UnreadReason.MACRO}


@in_loop
async def test_a_batch_of_other_macros_in_each_line_notes_some_of_them() -> None:
    async with running() as ingest:
        await ingest.batch([EVENT | {"id": f"{{order_{number}}}"} for number in range(900)])
        await ingest.parts.checks.write()

        assert 0 < len(unread_counts(ingest.redis, 1, 0)) <= 20


@in_loop
async def test_events_are_counted_by_their_outcome_and_the_request_once() -> None:
    async with running() as ingest:
        await ingest.batch([EVENT | {"id": "1"}, EVENT | {"id": "1"}, {"type": "x"}])
        page = (await ingest.conductor.simulate_get("/metrics")).text

        for outcome, reason in (
            ("accepted", "none"), ("duplicate", "none"), ("rejected", "malformed_event"),
        ):  # fmt: skip
            line = f'waybill_batch_events_total{{outcome="{outcome}",reason="{reason}"}} 1.0'
            assert line in page
        assert 'waybill_requests_total{dialect="batch",endpoint="/batch",reason="none"' in page


@pytest.mark.parametrize(("path", "dialect"), ROUTES)
@in_loop
async def test_every_endpoint_of_every_dialect_can_be_named_in_a_batch(
    path: str, dialect: Any
) -> None:
    async with running() as ingest:
        (result,) = await verdicts(
            ingest, [{"dialect": dialect.name, "endpoint": path, "params": {"x": "1"}}]
        )
        assert result.get("field") != "endpoint"
        assert result.get("code") != "malformed_event"


@pytest.mark.parametrize("named", [{}, [], 1, True, "other", {"dialect": "swaarm"}])
@in_loop
async def test_a_dialect_that_is_none_is_refused_by_name_and_loses_no_other_event(
    named: Any,
) -> None:
    good = {**POSTBACK, "params": "user_id=u&event_id=e"}
    async with running() as ingest:
        refused, accepted = await verdicts(ingest, [{"dialect": named, "params": "x=1"}, good])

        assert refused["status"] == "rejected"
        assert refused["code"] in {"malformed_event", "malformed_field"}
        assert accepted["status"] == "accepted"
        assert len(ingest.stored()) == 1


@in_loop
async def test_objects_and_lists_in_params_are_read_as_in_a_body_of_their_own() -> None:
    params = {"user_id": "u", "event_id": "e", "event_value": {"a": [1, "b"]}, "list": [1e3, None]}
    async with running() as ingest:
        await verdicts(ingest, [{**POSTBACK, "params": params}])
        alone = await ingest.conductor.simulate_post(
            "/postback", json=params, headers={"Authorization": TOKEN}
        )

        assert alone.status_code == 200
        batched, single = ingest.stored()
        assert batched.event_value == single.event_value
        assert json.loads(batched.event_value or "") == params["event_value"]
        assert batched.parameters.keys() == single.parameters.keys() == {"list"}


CALLS = [
    ("appsflyer", "/inappevent/{app_id}", "app_id=id1&appsflyer_id=1-1&eventName=a&eventValue=%7B%22af_revenue%22%3A1%7D&eventCurrency=EUR"),  # noqa: E501
    ("swaarm", "/postback", "user_id=u%20v&event_id=e&sale_amount=1.5&colour=red&idfa=i"),
    ("swaarm", "/postback", "click_id=c"),
    ("swaarm", "/postback", "user_id=u&event_id=__open&event_time=1767323045"),
    ("swaarm", "/s2sevent", "user_id=u&user_ip=192.0.2.1&user_ua=okhttp"),
    ("swaarm", "/impression", "offer_id=12&pub_id=34&user_ip=192.0.2.1&sub1=a&user_ua=x"),
    ("swaarm", "/click", "offer_id=12&pub_id=34&no_redirect=true&user_ip=192.0.2.1&user_ua=x"),
    ("adjust", "/session", "app_token=4w565xzmb54d&idfv=123&s2s=1&ip_address=192.0.2.1"),
    ("adjust", "/event", "app_token=4w565xzmb54d&idfv=123&s2s=1&event_token=f0ob4r&revenue=1&currency=EUR"),  # noqa: E501
    ("adjust", "/revenue", "app_token=4w565xzmb54d&idfv=123&event_token=f0ob4r&amount=1&currency=EUR"),  # noqa: E501
    ("adjust", "/ad_revenue", "app_token=4w565xzmb54d&idfv=1&revenue=1&currency=EUR&ad_impressions_count=2"),  # noqa: E501
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "path", "query"), CALLS)
@in_loop
async def test_an_event_of_a_dialect_is_the_one_that_its_own_endpoint_makes_of_it(
    dialect: str, path: str, query: str
) -> None:
    held = structs.replace(with_app(), links=linked().links)
    async with running(held) as ingest:
        headers = {"Authorization": f"Bearer {TOKEN}", "User-Agent": ""}
        values = dict(parse_qsl(query))
        alone = await ingest.conductor.simulate_get(
            path.format(**values), query_string=query, headers=headers
        )
        assert alone.status_code == 200, alone.text
        named = {"dialect": dialect, "endpoint": path}
        results = await verdicts(ingest, [named | {"params": query}, named | {"params": values}])

        assert [result["status"] for result in results] == ["accepted", "accepted"]
        single, by_query, by_object = map(row, ingest.stored())
        assert single == by_query == by_object


@pytest.mark.parametrize(
    ("event", "code", "field"),
    [
        ({"dialect": "other", "params": {}}, "malformed_field", "dialect"),
        (POSTBACK | {"endpoint": "/event", "params": {}}, "malformed_field", "endpoint"),
        (POSTBACK, "malformed_event", None),
        (POSTBACK | {"params": []}, "malformed_event", None),
        (POSTBACK | {"params": {}, "time": 1}, "malformed_event", None),
        (POSTBACK | {"params": {"user_id": "u\0", "event_id": "e"}}, "malformed_field", "user_id"),
        (POSTBACK | {"params": MANY}, "too_many_parameters", None),
        (POSTBACK | {"params": FULL | {"s2s_token": "other"}}, "unauthorized", None),
        (
            POSTBACK | {"id": "a", "params": FULL | {"idempotency_key": "b"}},
            "conflicting_values",
            "idempotency_key",
        ),
        (ADJUST | {"params": {"app_token": "unknown"}}, "unknown_app", "app_token"),
        (ADJUST | {"params": {"app_token": "4w565xzmb54d"}}, "missing_field", "event_token"),
        (POSTBACK | LINKED | {"params": {"offer_id": "1"}}, "missing_field", "pub_id"),
        (POSTBACK | LINKED | {"params": "offer_id=1&pub_id=2"}, "unknown_link", None),
    ],
)  # fmt: skip
@in_loop
async def test_what_its_endpoint_refuses_a_batch_refuses_for_the_same_reason(
    event: Any, code: str, field: str | None
) -> None:
    async with running(with_app()) as ingest:
        (result,) = await verdicts(ingest, [event])

        assert (result["status"], result["code"], result.get("field")) == ("rejected", code, field)
        assert ingest.stored() == []


@in_loop
async def test_a_token_among_the_params_is_not_kept() -> None:
    params = {"user_id": "u", "event_id": "e", "s2s_token": TOKEN}
    async with running() as ingest:
        (result,) = await verdicts(ingest, [POSTBACK | {"params": params}])

        assert result["status"] == "accepted"
        assert TOKEN not in repr(ingest.stored())


@in_loop
async def test_an_apps_enforcement_holds_for_another_apps_token() -> None:
    event = {"dialect": "adjust", "params": "app_token=4w565xzmb54d&idfv=1&event_token=f0ob4r"}
    for enforced, status in (((), "accepted"), ((Scope.EVENTS,), "rejected")):
        held = structs.replace(with_app(enforced=enforced), grants={digest(TOKEN): grant(app_id=2)})
        async with running(held) as ingest:
            (result,) = await verdicts(ingest, [event])
            assert result["status"] == status
            assert all(stored.would_refuse == "other_app_token" for stored in ingest.stored())


@in_loop
async def test_an_event_knows_the_session_that_comes_before_it_in_the_same_batch() -> None:
    named = "app_token=4w565xzmb54d&idfv=123"
    session = {"dialect": "adjust", "endpoint": "/session", "params": named}
    event = {"dialect": "adjust", "params": f"{named}&event_token=f0ob4r"}
    async with running(with_app(adjust_refusals=True)) as ingest:
        ingest.redis.set("waybill:marks:complete", 1)
        late = await verdicts(ingest, [event, session])
        assert [result["status"] for result in late] == ["rejected", "accepted"]
    async with running(with_app(adjust_refusals=True)) as ingest:
        ingest.redis.set("waybill:marks:complete", 1)
        results = await verdicts(ingest, [session, event])
        assert [result["status"] for result in results] == ["accepted", "accepted"]


values = st.none() | st.text(max_size=6) | st.sampled_from(["1.5", "EUR", "10.0.0.1", "swaarm"])
fuzzed = st.dictionaries(
    st.sampled_from(
        ["type", "time", "id", "user_id", "event_id", "ip", "dialect", "endpoint", "params"]
    )
    | st.text(max_size=4),
    values | st.integers() | st.floats() | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_size=6,
)
bodies = st.binary(max_size=60) | st.lists(fuzzed | values, max_size=5).map(
    lambda events: json.dumps(events).encode()
)


@pytest.mark.parametrize("dialect", [{}, {"a": 1}, [], ["adjust"], 1, True, 1.5])
@in_loop
async def test_a_dialect_that_is_no_text_is_refused_with_its_event(dialect: object) -> None:
    async with running() as ingest:
        answer = await ingest.batch(json.dumps([{"dialect": dialect, "id": "a"}]).encode())

    assert (answer.status_code, answer.json["rejected"]) == (200, 1)


@given(
    bodies,
    st.booleans(),
    st.sampled_from(["application/json", "application/x-ndjson"]),
    st.sampled_from(["", "validate=only", "results=failed", "x"]),
)
def test_whatever_is_sent_is_answered_and_never_by_an_error_of_ours(
    body: bytes, is_gzip: bool, content_type: str, query: str
) -> None:
    @in_loop
    async def sent() -> None:
        async with running() as ingest:
            headers = {"Content_Encoding": "gzip"} if is_gzip else {}
            packed = gzip.compress(body) if is_gzip else body
            answer = await ingest.batch(packed, query, Content_Type=content_type, **headers)
            assert answer.status_code < 500, answer.text
            if answer.status_code == 200:
                counts = ("accepted", "duplicate", "rejected", "retry")
                shown = len(answer.json["results"])
                assert shown == sum(answer.json[name] for name in counts) or "failed" in query
                assert len(ingest.stored()) == (
                    0 if "validate" in query else answer.json["accepted"]
                )
            else:
                assert ingest.stored() == []

    sent()


@settings(max_examples=25, deadline=None)
@given(
    call=st.sampled_from([call for call in CALLS if "click" not in call[2]]),
    name=st.sampled_from(["click_id", "idempotency_key", "gaid", "user_agent", "oaid"]),
    text=placeholders(),
)
def test_a_placeholder_in_a_call_of_a_batch_makes_nobody_and_no_key(
    call: tuple[str, str, str], name: str, text: str
) -> None:
    dialect, path, query = call
    named = {"dialect": dialect, "endpoint": path}
    unfilled = dict(parse_qsl(query)) | {name: text}

    async def taken() -> list[Event]:
        async with running(structs.replace(with_app(), links=linked().links)) as ingest:
            await verdicts(ingest, [named | {"params": query}])
            await verdicts(ingest, [named | {"params": unfilled}])
            return ingest.stored()

    plain, event = run_in_loop(taken())
    assert event.user_id == plain.user_id
    assert event.idempotency_key is None
    assert event.user_agent == plain.user_agent
    assert identifying_of(event.device_ids) == identifying_of(plain.device_ids)
    if event.kind not in CLICK_KINDS:
        assert event.click_id is None


@pytest.mark.parametrize("line", [EVENT, POSTBACK | {"params": "user_id=u&event_id=e"}])
@in_loop
async def test_events_that_share_a_placeholder_as_id_are_all_accepted(line: dict[str, Any]) -> None:
    async with running() as ingest:
        for _ in range(2):
            answers = await verdicts(ingest, [line | {"id": "{order_id}"}] * 2)
            assert [answer["status"] for answer in answers] == ["accepted", "accepted"]

        assert [event.idempotency_key for event in ingest.stored()] == [None] * 4


lines = st.fixed_dictionaries(
    {
        "type": st.just("event"),
        "time": st.just(NOW_MS),
        "user_id": st.sampled_from(["u", "v"]),
        "event_id": st.sampled_from(["x", "y"]),
    },
    optional={"sale_amount": st.decimals(0, 9, places=2).map(str), "ip": st.just("192.0.2.1")},
)  # fmt: skip


@given(st.lists(lines, max_size=12), st.lists(st.integers(0, 12), max_size=4))
def test_any_split_of_events_over_batches_stores_the_same_events(
    events: list[Any], cuts: list[int]
) -> None:
    numbered = [event | {"id": str(number)} for number, event in enumerate(events, 1)]

    @in_loop
    async def sent() -> None:
        edges = [0, *sorted(cuts), len(numbered)]
        async with running() as whole, running() as split:
            await whole.batch(numbered)
            for begin, end in pairwise(edges):
                await split.batch(numbered[begin:end])
            ids = [event.idempotency_key for event in split.stored()]
            assert ids == [str(number) for number in range(1, len(numbered) + 1)]
            assert list(map(row, split.stored())) == list(map(row, whole.stored()))

    sent()
