"""The rejection log as people read it."""

from fakeredis import FakeStrictRedis

from shared.rejections import (
    REJECTION_COUNTS_KEY,
    REJECTIONS_KEY,
    encode_rejection,
    recent_rejections,
    rejection_counts,
)
from tests.build import rejection


def test_the_newest_rejections_come_first_and_no_more_than_asked() -> None:
    redis = FakeStrictRedis()
    for at_ms in range(5):
        redis.xadd(REJECTIONS_KEY, {"r": encode_rejection(rejection(at_ms=at_ms))})

    assert [entry.at_ms for entry in recent_rejections(redis, 3)] == [4, 3, 2]


def test_a_rejection_reads_as_it_was_written() -> None:
    redis = FakeStrictRedis()
    written = rejection(field=None, app_id=None, parameters={"ключ": "\u2028<b>\x1b[0m"})
    redis.xadd(REJECTIONS_KEY, {"r": encode_rejection(written)})

    assert recent_rejections(redis, 10) == [written]


def test_counts_are_by_code() -> None:
    redis = FakeStrictRedis()
    redis.hincrby(REJECTION_COUNTS_KEY, "unauthorized", 3)
    redis.hincrby(REJECTION_COUNTS_KEY, "missing_field", 1)

    assert rejection_counts(redis) == {"unauthorized": 3, "missing_field": 1}


def test_a_log_that_was_never_written_is_empty() -> None:
    redis = FakeStrictRedis()

    assert recent_rejections(redis, 10) == []
    assert rejection_counts(redis) == {}
