"""Segment's batches: which calls are stored, what their sender is told, and what is logged."""

import gzip
import json
from typing import Any

import pytest

from shared.fields import iso_time
from shared.integration_log import recent_checks
from shared.rejections import recent_rejections, rejection_counts
from tests.support.build import NOW_MS, TOKEN
from tests.unit.ingest.dialects.segment.test_message import basic, post
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import in_loop

TRACK = {"type": "track", "userId": "u", "event": "Song Played"}


async def send(ingest: Running, body: object, **headers: str) -> Any:
    return await post(ingest, body, "/v1/batch", **{**basic(TOKEN), **headers})


@pytest.mark.parametrize("is_compressed", [False, True])
@in_loop
async def test_calls_of_any_type_are_stored_in_their_order_and_each_once(
    is_compressed: bool,
) -> None:
    batch = [
        {"type": "identify", "userId": "u", "traits": {"plan": "pro"}, "messageId": "1"},
        TRACK | {"messageId": "2"},
        TRACK | {"messageId": "2"},
        {"type": "page", "anonymousId": "a", "messageId": "3"},
    ]
    body = json.dumps({"batch": batch, "writeKey": TOKEN}).encode()
    async with running() as ingest:
        encoded = gzip.compress(body) if is_compressed else body
        headers = {"Content_Encoding": "gzip"} if is_compressed else {}
        answer = await send(ingest, encoded, **headers)

        assert (answer.status_code, answer.text) == (200, '{"success":true}')
        assert "waybill-rejected" not in answer.headers
        assert [event.event_id for event in ingest.stored()] == ["identify", "Song Played", "page"]
        assert ingest.redis.xlen("waybill:inbox") == 1


@in_loop
async def test_what_a_batch_says_counts_for_each_call_that_says_nothing_itself() -> None:
    day_ms = 86_400_000
    body = {
        "batch": [
            TRACK | {"timestamp": iso_time(NOW_MS - day_ms - 60_000)},
            TRACK | {"context": {"ip": "203.0.113.9"}, "sentAt": iso_time(NOW_MS)},
        ],
        "context": {"ip": "203.0.113.7", "library": {"name": "analytics-python"}},
        "sentAt": iso_time(NOW_MS - day_ms),
    }
    async with running() as ingest:
        await send(ingest, body)

        first, second = ingest.stored()
        assert first.event_time_ms == NOW_MS - 60_000  # their clock is a day behind
        assert (first.ip_address, second.ip_address) == ("203.0.113.7", "203.0.113.9")
        for event in (first, second):
            assert json.loads(event.parameters["context"]) == {
                "library": {"name": "analytics-python"}
            }


@in_loop
async def test_a_call_that_is_refused_costs_no_other_and_is_counted_and_logged() -> None:
    batch: list[Any] = [TRACK, {"type": "track", "userId": "u"}, {"type": "import"}, 1, {}]
    batch += [TRACK | {"type": ["track"]}, TRACK | {"context": "x"}]
    async with running() as ingest:
        answer = await send(ingest, {"batch": batch, "context": {"locale": "de"}})
        await ingest.parts.rejections.write()
        await ingest.parts.checks.write()

        assert (answer.status_code, answer.text) == (200, '{"success":true}')
        assert answer.headers["waybill-rejected"] == "6"
        assert len(ingest.stored()) == 1
        logged = recent_rejections(ingest.redis, 10)
        assert {(entry.endpoint, entry.app_id) for entry in logged} == {("/v1/batch", 1)}
        assert rejection_counts(ingest.redis)["missing_field"] == 1
        (entries,) = recent_checks(ingest.redis, 1, (1,), 50).values()
        assert {entry.dialect for entry in entries} == {"segment"}


@in_loop
async def test_a_batch_of_which_nothing_was_accepted_is_refused() -> None:
    async with running() as ingest:
        answer = await send(ingest, {"batch": [{"type": "track", "event": "e"}] * 2})

        assert (answer.status_code, answer.json["code"]) == (400, "malformed_body")
        assert "userId is required" in answer.json["message"]
        assert (await send(ingest, {"batch": []})).status_code == 200


@in_loop
async def test_a_repeat_is_a_success_and_stored_under_the_same_key() -> None:
    async with running() as ingest:
        for _ in range(2):
            answer = await send(ingest, {"batch": [TRACK | {"messageId": "m"}]})
            assert answer.status_code == 200
        assert {event.idempotency_key for event in ingest.stored()} == {"m"}


@in_loop
async def test_the_write_key_in_the_body_is_enough_and_a_wrong_one_is_refused() -> None:
    async with running() as ingest:
        body = {"batch": [TRACK]}
        for sent, key, status in (
            ({"writeKey": TOKEN}, None, 200),
            ({"writeKey": TOKEN}, TOKEN, 200),
            ({}, None, 401),
            ({"writeKey": "wrong"}, None, 401),
            ({"writeKey": "wrong"}, TOKEN, 401),
            ({}, "wrong", 401),
        ):
            headers = {} if key is None else basic(key)
            answer = await post(ingest, body | sent, "/v1/batch", **headers)
            assert answer.status_code == status, (sent, key)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b'{"batch":{}}', b'{"batch":[', b"\xff", b'{"batch":[],"context":1}'),
        b'{"batch":[' + b"1," * 2_500 + b"1]}",
        b'{"batch":[' + b"{}," * 300_000 + b"{}]}",
        b'{"batch":' + b"[" * 10_000,
    ],
)
@in_loop
async def test_what_is_no_batch_or_too_large_is_a_400(body: bytes) -> None:
    async with running() as ingest:
        answer = await send(ingest, body)

        assert (answer.status_code, answer.json["success"]) == (400, False)


@in_loop
async def test_as_many_calls_as_segment_allows_are_one_batch() -> None:
    async with running() as ingest:
        answer = await send(ingest, {"batch": [TRACK] * 2_500})

        assert answer.status_code == 200
        assert len(ingest.stored()) == 2_500


@in_loop
async def test_a_batch_that_cannot_be_stored_is_to_be_sent_again_as_a_whole() -> None:
    async with running() as ingest:
        ingest.parts.gate.durable = False
        answer = await send(ingest, {"batch": [TRACK, {"type": "track"}]})

        assert (answer.status_code, answer.json["success"]) == (503, False)
        assert "retry-after" in answer.headers


@in_loop
async def test_a_store_that_fails_during_the_write_is_no_success() -> None:
    async with running() as ingest:
        await ingest.lose_redis()
        answer = await send(ingest, {"batch": [TRACK]})

        assert answer.status_code == 503
