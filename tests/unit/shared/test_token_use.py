"""Tests the last use of tokens, as ingest records it and upkeep copies it."""

from collections.abc import Mapping

from shared.token_use import delete_copied_use, tokens_used, use_commands
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES


def note(redis: FakeStrictRedis, used_at_ms: Mapping[int, int]) -> None:
    with redis.pipeline() as pipeline:
        use_commands(pipeline, NAMES, used_at_ms)
        pipeline.execute()


def test_the_last_use_of_each_token_is_noted() -> None:
    redis = FakeStrictRedis()
    note(redis, {1: 100, 2: 100})
    note(redis, {1: 200})
    note(redis, {})

    assert tokens_used(redis) == {1: 200, 2: 100}


def test_what_was_used_again_while_it_was_copied_is_not_forgotten() -> None:
    redis = FakeStrictRedis()
    note(redis, {1: 100, 2: 100})
    copied = tokens_used(redis)
    note(redis, {1: 200})

    delete_copied_use(redis, copied)

    assert tokens_used(redis) == {1: 200}


def test_nothing_used_is_nothing_to_forget() -> None:
    redis = FakeStrictRedis()
    delete_copied_use(redis, tokens_used(redis))

    assert tokens_used(redis) == {}
