"""Tests the messages between the console and the worker about a recalculation."""

import msgspec
import pytest
from fakeredis import FakeStrictRedis

from shared.recompute import (
    Recompute,
    RecomputeState,
    read_recompute,
    report_recompute,
    request_recompute,
    unfinished_recomputes,
)

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
