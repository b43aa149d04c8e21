"""The rejection log as ingest writes it: exact counts, few entries, no secrets."""

import asyncio
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parameters import Pair
from ingest.request_log.rejections import RejectionLog, loggable_parameters
from shared.redaction import MASK
from shared.redis import stream_entries
from shared.rejections import recent_rejections, rejection_counts
from shared.tokens import new_token
from tests.support.build import TOKEN, rejection
from tests.support.fake_redis import FakeAsyncRedis, FakeServer, FakeStrictRedis
from tests.support.redis_names import NAMES
from tests.unit.loop import ended, in_loop, until


@in_loop
async def test_a_rejection_is_written_with_its_count() -> None:
    server = FakeServer()
    redis, looks = FakeAsyncRedis(server=server), FakeStrictRedis(server=server)
    log = RejectionLog(redis, 100)

    log.add(rejection(code="missing_field"))
    log.add(rejection(code="unauthorized"))
    assert recent_rejections(looks, 10) == []
    await log.write()

    assert [entry.code for entry in recent_rejections(looks, 10)] == [
        "unauthorized",
        "missing_field",
    ]
    assert rejection_counts(looks) == {"missing_field": 1, "unauthorized": 1}
    await redis.aclose()


@in_loop
async def test_a_write_ends_after_the_one_under_way() -> None:
    server = FakeServer()
    redis, looks = FakeAsyncRedis(server=server), FakeStrictRedis(server=server)
    log = RejectionLog(redis, 100)

    log.add(rejection(code="missing_field"))
    under_way = asyncio.create_task(log.write())
    await asyncio.sleep(0)
    await log.write()

    assert rejection_counts(looks) == {"missing_field": 1}
    await under_way
    await redis.aclose()


@in_loop
async def test_a_flood_is_counted_exactly_and_sampled_with_its_newest() -> None:
    server = FakeServer()
    redis, looks = FakeAsyncRedis(server=server), FakeStrictRedis(server=server)
    log = RejectionLog(redis, 10_000)

    for at_ms in range(5000):
        log.add(rejection(at_ms=at_ms))
    await log.write()

    assert rejection_counts(looks) == {"missing_field": 5000}
    kept = recent_rejections(looks, 10_000)
    assert 0 < len(kept) <= 200
    assert kept[0].at_ms == 4999
    await redis.aclose()


@in_loop
async def test_a_flood_of_long_requests_is_built_for_milliseconds_and_holds_few_bytes() -> None:
    server = FakeServer()
    redis, looks = FakeAsyncRedis(server=server), FakeStrictRedis(server=server)
    log = RejectionLog(redis, 10_000)
    sent = [(b"p%d" % index, b"%2574=" * 10_000) for index in range(100)]

    begun = process_time()
    for _ in range(5000):
        log.add(rejection(), sent)
    added_seconds = process_time() - begun
    await log.write()
    written_seconds = process_time() - begun - added_seconds

    assert added_seconds < 0.5, "0.1 ms for each of 5,000"
    assert written_seconds < 0.5, "not 200 entries of 5 ms"
    assert rejection_counts(looks) == {"missing_field": 5000}
    entries = [fields[b"r"] for _, fields in stream_entries(looks.xrange(NAMES.rejections))]
    assert entries
    assert max(map(len, entries)) < 2000
    await redis.aclose()


@in_loop
async def test_the_log_is_capped() -> None:
    server = FakeServer()
    redis, looks = FakeAsyncRedis(server=server), FakeStrictRedis(server=server)
    log = RejectionLog(redis, 10)

    for _ in range(20):
        for _ in range(10):
            log.add(rejection())
        await log.write()

    assert looks.xlen(NAMES.rejections) <= 10 + 100  # Redis trims by whole nodes of 100
    assert rejection_counts(looks) == {"missing_field": 200}
    await redis.aclose()


@in_loop
async def test_counts_outlast_a_redis_that_is_away() -> None:
    server = FakeServer()
    redis, looks = FakeAsyncRedis(server=server), FakeStrictRedis(server=server)
    log = RejectionLog(redis, 100)
    log.add(rejection())

    server.connected = False
    await log.write()
    log.add(rejection())
    server.connected = True
    await log.write()
    await log.write()

    assert rejection_counts(looks) == {"missing_field": 2}
    await redis.aclose()


@in_loop
async def test_what_was_added_is_written_by_itself() -> None:
    server = FakeServer()
    redis, looks = FakeAsyncRedis(server=server), FakeStrictRedis(server=server)
    log = RejectionLog(redis, 100)
    writing = asyncio.create_task(log.run())

    log.add(rejection())
    await until(lambda: rejection_counts(looks) == {"missing_field": 1})

    await ended(writing)
    await redis.aclose()


@pytest.mark.parametrize("name", [b"s2s_token", b"token", b"s2stoken", b"web_token", b"S2S_TOKEN"])
def test_a_token_is_masked_under_each_of_its_names(name: bytes) -> None:
    assert loggable_parameters([(name, TOKEN.encode())]) == {name.decode(): MASK}


@pytest.mark.parametrize("value", ["two words", 'a"b', "a,b", "a&b", "a;b", "a'b)c", "ü" * 300])
def test_a_token_is_masked_whole_whatever_it_is_made_of(value: str) -> None:
    assert loggable_parameters([(b"s2s_token", value.encode())]) == {"s2s_token": MASK}


@pytest.mark.parametrize(
    "pair",
    [
        (b"user_id", b"%s"),
        (b"%s", b"1"),
        (b"event_value", b'{"s2s_token": "%s"}'),
        (b"event_value", b"Authorization: Bearer %s"),
        (b"event_value", b"x" * 180 + b"%s"),
        (b"event_value", b"x" * 161 + b"%s"),
        (b"x" * 180 + b"%s", b"1"),
        (b"referer", b"https://track.example/postback?s2s_token=%s&user_id=1"),
    ],
)
def test_a_token_in_the_wrong_place_is_masked_even_where_the_entry_is_cut(pair: Pair) -> None:
    token = new_token()

    kept = loggable_parameters(
        [(pair[0].replace(b"%s", token.encode()), pair[1].replace(b"%s", token.encode()))]
    )

    assert token[4:12] not in str(kept)


def test_what_is_no_secret_is_shown_as_it_was_sent() -> None:
    assert loggable_parameters(
        [(b"user_id", b"0000-AAAA"), (b"sale_amount", b"12,50"), (b"empty", b"")]
    ) == {
        "user_id": "0000-AAAA",
        "sale_amount": "12,50",
        "empty": "",
    }


def test_bytes_that_are_no_text_are_shown_readably() -> None:
    assert loggable_parameters([(b"user_id", b"caf\xe9")]) == {"user_id": "caf\\xe9"}


def test_a_long_request_is_shown_short() -> None:
    kept = loggable_parameters([(b"p%d" % index, b"x" * 100_000) for index in range(1000)])

    assert len(kept) <= 20
    assert all(len(value) <= 200 for value in kept.values())


@given(st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), max_size=30))
def test_any_bytes_can_be_shown(pairs: list[Pair]) -> None:
    for text in loggable_parameters(pairs).items():
        "".join(text).encode()
