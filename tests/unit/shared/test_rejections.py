"""The rejection log as people read it."""

from collections.abc import Mapping

from shared.rejections import (
    BAD_TOKEN_ADDRESSES_MAX,
    BAD_TOKEN_SECONDS,
    app_of,
    bad_token_addresses,
    bad_token_commands,
    encode_rejection,
    recent_rejections,
    rejection_counts,
)
from tests.support.build import rejection
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES


def test_the_newest_rejections_come_first_and_no_more_than_asked() -> None:
    redis = FakeStrictRedis()
    for at_ms in range(5):
        redis.xadd(NAMES.rejections, {"r": encode_rejection(rejection(at_ms=at_ms))})

    assert [entry.at_ms for entry in recent_rejections(redis, 3)] == [4, 3, 2]


def test_a_rejection_reads_as_it_was_written() -> None:
    redis = FakeStrictRedis()
    written = rejection(field=None, app_id=None, parameters={"ключ": "\u2028<b>\x1b[0m"})
    redis.xadd(NAMES.rejections, {"r": encode_rejection(written)})

    assert recent_rejections(redis, 10) == [written]


def test_the_app_of_an_entry_is_read_and_none_of_one_that_cannot_be() -> None:
    assert app_of(encode_rejection(rejection(app_id=7))) == 7
    assert app_of(encode_rejection(rejection(app_id=None))) is None
    assert app_of(b"{}") is None


def test_counts_are_by_code() -> None:
    redis = FakeStrictRedis()
    redis.hincrby(NAMES.rejection_counts, "unauthorized", 3)
    redis.hincrby(NAMES.rejection_counts, "missing_field", 1)

    assert rejection_counts(redis) == {"unauthorized": 3, "missing_field": 1}


def test_a_log_that_was_never_written_is_empty() -> None:
    redis = FakeStrictRedis()

    assert recent_rejections(redis, 10) == []
    assert rejection_counts(redis) == {}
    assert bad_token_addresses(redis, 10) == {}


def count_bad_tokens(redis: FakeStrictRedis, counts: Mapping[str, int]) -> None:
    with redis.pipeline() as pipeline:
        bad_token_commands(pipeline, NAMES, counts)
        pipeline.execute()


def test_addresses_with_bad_tokens_are_added_up_and_the_worst_come_first() -> None:
    redis = FakeStrictRedis()
    count_bad_tokens(redis, {"192.0.2.1": 2, "2001:db8::7": 3})
    count_bad_tokens(redis, {"192.0.2.1": 2})
    count_bad_tokens(redis, {})

    assert list(bad_token_addresses(redis, 10).items()) == [("192.0.2.1", 4), ("2001:db8::7", 3)]
    assert bad_token_addresses(redis, 1) == {"192.0.2.1": 4}


def test_however_many_addresses_guess_only_the_worst_are_kept() -> None:
    redis = FakeStrictRedis()
    count_bad_tokens(redis, {f"address {number}": number for number in range(1, 1102)})

    kept = bad_token_addresses(redis, 2000)
    assert len(kept) == BAD_TOKEN_ADDRESSES_MAX
    assert min(kept.values()) == 102


def test_counts_of_bad_tokens_end_a_day_after_the_first_however_many_follow() -> None:
    redis = FakeStrictRedis()
    count_bad_tokens(redis, {"192.0.2.1": 1})
    redis.expire(NAMES.bad_tokens, 60)
    count_bad_tokens(redis, {"192.0.2.1": 1})

    assert redis.ttl(NAMES.bad_tokens) == 60 < BAD_TOKEN_SECONDS
