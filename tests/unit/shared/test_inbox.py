"""Tests the inbox: adding, finding, measuring and acknowledging batches."""

from typing import Any

import msgspec
import pytest

from shared.clock import now_ms
from shared.ids import new_receipt
from shared.inbox import (
    APPEND,
    WAKE_MS,
    Appended,
    BatchPart,
    append,
    append_arguments,
    append_keys,
    find_event,
    measure,
    read_entry,
)
from shared.redis import stream_entries
from tests.support.build import NOW_MS, batch, entry, event
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES


@pytest.fixture
def redis() -> FakeStrictRedis:
    return FakeStrictRedis()


def appended(redis: FakeStrictRedis, version: str, count: int = 1) -> list[int]:
    """Returns the script's reply, without the entry's id."""
    script = redis.register_script(APPEND)
    parts = [BatchPart(batch(event()), count)]
    answer: list[Any] = script(
        keys=append_keys(NAMES, parts), args=append_arguments(version, parts, 1)
    )
    return [each for each in answer if isinstance(each, int)]


def only_id(redis: FakeStrictRedis) -> str:
    ((entry_id, _),) = stream_entries(redis.xrange(NAMES.inbox))
    return entry_id.decode()


def test_a_batch_is_added_whole_with_its_version_and_its_count(redis: FakeStrictRedis) -> None:
    sent = [event(user_id="a"), event(user_id="b")]

    append(redis, batch(*sent), 2)

    ((entry_id, fields),) = stream_entries(redis.xrange(NAMES.inbox))
    read = read_entry(entry_id, fields, 1)
    assert (read.count, read.wire_version, read.events()) == (2, 1, sent)


def test_a_batch_checked_with_the_snapshot_that_holds_is_added(redis: FakeStrictRedis) -> None:
    redis.set(NAMES.snapshot_version, 7)

    assert appended(redis, "7", count=3) == [1, 3, 1]
    assert appended(redis, "7", count=2) == [1, 5, 0]


@pytest.mark.parametrize("published", [None, "8", "70"])
def test_a_batch_checked_with_another_snapshot_leaves_no_trace(
    redis: FakeStrictRedis, published: str | None
) -> None:
    if published is not None:
        redis.set(NAMES.snapshot_version, published)

    assert appended(redis, "7") == [0]
    assert redis.exists(NAMES.inbox, NAMES.backlog, NAMES.accepted, NAMES.wake) == 0


def test_the_first_batch_wakes_and_the_flag_ends_by_itself(redis: FakeStrictRedis) -> None:
    append(redis, batch(event()), 1)

    assert 0 < redis.pttl(NAMES.wake) <= WAKE_MS


def test_who_adds_learns_the_backlog_and_whether_to_ask_for_a_drain(
    redis: FakeStrictRedis,
) -> None:
    first = append(redis, batch(event(), event()), 2)
    entry = only_id(redis)
    second = append(redis, batch(event()), 1)

    assert first == Appended(backlog=2, woke=True, entry=entry)
    assert (second.backlog, second.woke) == (3, False)


def test_an_empty_inbox_measures_zero(redis: FakeStrictRedis) -> None:
    measured = measure(redis)

    assert (measured.events, measured.oldest_ms, measured.accepted) == (0, 0, 0)


def test_the_oldest_entry_says_how_long_events_wait(redis: FakeStrictRedis) -> None:
    redis.xadd(NAMES.inbox, {"n": 1}, id=f"{now_ms() - 60_000}-0")
    append(redis, batch(event()), 1)

    assert 60_000 <= measure(redis).oldest_ms < 120_000


def test_an_entry_from_a_clock_ahead_has_not_waited_at_all(redis: FakeStrictRedis) -> None:
    redis.xadd(NAMES.inbox, {"n": 1}, id=f"{now_ms() + 60_000}-0")

    assert measure(redis).oldest_ms == 0


def test_an_event_that_waits_is_found_by_its_receipt(redis: FakeStrictRedis) -> None:
    waiting = event(receipt=new_receipt(NOW_MS), user_id="found")
    redis.xadd(NAMES.inbox, {"v": 1, "n": 2, "e": batch(event(), waiting)}, id=f"{NOW_MS + 500}-0")

    assert find_event(redis, waiting.receipt) == waiting
    assert find_event(redis, new_receipt(NOW_MS)) is None


@pytest.mark.parametrize("skew_ms", [-119_000, 119_000])
def test_an_event_is_found_though_clocks_differ(redis: FakeStrictRedis, skew_ms: int) -> None:
    waiting = event(receipt=new_receipt(NOW_MS))
    redis.xadd(NAMES.inbox, {"v": 1, "n": 1, "e": batch(waiting)}, id=f"{NOW_MS + skew_ms}-0")

    assert find_event(redis, waiting.receipt) == waiting


def test_an_event_is_found_behind_hundreds_of_entries(redis: FakeStrictRedis) -> None:
    waiting = event(receipt=new_receipt(NOW_MS))
    for index in range(450):
        redis.xadd(NAMES.inbox, {"v": 1, "n": 1, "e": batch(event())}, id=f"{NOW_MS}-{index + 1}")
    redis.xadd(NAMES.inbox, {"v": 1, "n": 1, "e": batch(waiting)}, id=f"{NOW_MS}-451")

    assert find_event(redis, waiting.receipt) == waiting


def test_an_entry_that_cannot_be_read_does_not_hide_the_others(redis: FakeStrictRedis) -> None:
    waiting = event(receipt=new_receipt(NOW_MS))
    redis.xadd(NAMES.inbox, {"v": 99, "n": 1, "e": b"?"}, id=f"{NOW_MS}-1")
    redis.xadd(NAMES.inbox, {"v": 1, "n": 1, "e": b"?"}, id=f"{NOW_MS}-2")
    redis.xadd(NAMES.inbox, {"v": 1, "n": 1, "e": batch(waiting)}, id=f"{NOW_MS}-3")

    assert find_event(redis, waiting.receipt) == waiting


def test_a_batch_of_another_wire_version_is_not_guessed_at() -> None:
    with pytest.raises(msgspec.MsgspecError, match="wire version 2 is not 1"):
        entry(event(), wire_version=2).events()


def test_an_entry_without_our_fields_is_an_unreadable_one_and_no_crash() -> None:
    foreign = read_entry(b"1-0", {b"colour": b"red"}, 1)

    with pytest.raises(msgspec.MsgspecError):
        foreign.events()
