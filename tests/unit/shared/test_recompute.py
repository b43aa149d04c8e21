"""Tests the messages between the console and the worker about a recalculation."""

from datetime import date

import msgspec
import pytest

from shared.recompute import (
    Days,
    Recompute,
    RecomputeState,
    covers,
    read_recompute,
    report_recompute,
    request_recompute,
    unfinished_recomputes,
)
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES

SHOP, GAME = 1, 2


@pytest.fixture
def redis() -> FakeStrictRedis:
    return FakeStrictRedis()


def asked(redis: FakeStrictRedis, app: int = SHOP) -> Recompute:
    request_recompute(redis, [app])
    found = read_recompute(redis, app)
    assert found is not None
    return found


def test_nothing_is_known_of_an_app_that_nobody_asked_for(redis: FakeStrictRedis) -> None:
    request_recompute(redis, [GAME])

    assert read_recompute(redis, SHOP) is None


def test_an_app_that_was_asked_for_waits(redis: FakeStrictRedis) -> None:
    waiting = asked(redis)

    assert (waiting.state, waiting.done, waiting.total) == (RecomputeState.WAITING, 0, 0)
    assert unfinished_recomputes(redis) == {SHOP: waiting}


def test_progress_is_seen_until_the_end(redis: FakeStrictRedis) -> None:
    waiting = asked(redis)
    running = msgspec.structs.replace(waiting, done=5, total=9, state=RecomputeState.RUNNING)

    assert report_recompute(redis, SHOP, running)

    assert read_recompute(redis, SHOP) == running
    assert unfinished_recomputes(redis) == {SHOP: running}


@pytest.mark.parametrize("end", [RecomputeState.DONE, RecomputeState.FAILED])
def test_what_has_ended_is_not_taken_up_again(redis: FakeStrictRedis, end: RecomputeState) -> None:
    report_recompute(redis, SHOP, msgspec.structs.replace(asked(redis), state=end))

    assert unfinished_recomputes(redis) == {}


def test_a_report_on_an_older_request_changes_nothing(redis: FakeStrictRedis) -> None:
    older = asked(redis)
    newer = asked(redis)

    done = msgspec.structs.replace(older, state=RecomputeState.DONE)

    assert not report_recompute(redis, SHOP, done)
    assert read_recompute(redis, SHOP) == newer


def test_some_days_are_asked_for_and_older_programs_read_the_rest(redis: FakeStrictRedis) -> None:
    days = (date(2026, 11, 1), date(2026, 11, 30))
    request_recompute(redis, [SHOP], days)

    found = read_recompute(redis, SHOP)

    assert found
    assert found.days == days
    assert asked(redis).days is None
    old = b'{"done":1,"total":2,"state":"running","request":3,"cursor":4}'
    redis.hset(NAMES.recompute, str(SHOP), old)
    assert read_recompute(redis, SHOP) == Recompute(
        done=1, total=2, state=RecomputeState.RUNNING, request=3, cursor=4
    )


@pytest.mark.parametrize(
    ("wider", "days", "covered"),
    [
        (None, None, True),
        (None, (1, 2), True),
        ((1, 30), None, False),
        ((1, 30), (1, 30), True),
        ((2, 30), (1, 30), False),
        ((1, 29), (1, 30), False),
    ],
)
def test_a_recalculation_contains_another_if_all_its_days_are_in_it(
    wider: tuple[int, int] | None, days: tuple[int, int] | None, covered: bool
) -> None:
    def november(numbers: tuple[int, int] | None) -> Days | None:
        return numbers and (date(2026, 11, numbers[0]), date(2026, 11, numbers[1]))

    assert covers(november(wider), november(days)) is covered
