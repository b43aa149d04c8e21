"""The memory of the last IDs, by the script that appends a batch."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import Environment, Event, encode_event_sorted
from shared.ids import new_receipt
from shared.inbox import APPEND, BatchPart, append_arguments, append_keys, read_append_reply
from shared.lines import recent_ids
from shared.lines.recent_ids import (
    IDS_MS,
    FirstEvent,
    RecentId,
    first_event,
    id_arguments,
    recent_id,
)
from shared.seen import SeenMarker
from tests.support.build import NOW_MS, batch, event
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES


def keyed(key: str = "order-1", **changes: Any) -> Event:
    return event(idempotency_key=key, receipt=new_receipt(NOW_MS), **changes)


def append(
    redis: FakeStrictRedis,
    events: Sequence[Event],
    markers: Sequence[SeenMarker] = (),
    script: str = APPEND,
) -> list[FirstEvent | None]:
    ids = [
        recent
        for sent in events
        if (recent := recent_id(sent, encode_event_sorted(sent))) is not None
    ]
    parts = [BatchPart(batch(*events), len(events))]
    arguments = append_arguments("", parts, 1, markers)
    reply = redis.register_script(script)(
        keys=append_keys(NAMES, parts, markers, NOW_MS), args=[*arguments, *id_arguments(ids)]
    )
    appended = read_append_reply(cast("list[Any]", reply), len(markers))
    assert appended is not None
    assert len(appended.seen_before) == len(markers)
    return [first_event(*found) for found in zip(ids, appended.firsts, strict=True)]


def test_an_event_without_an_id_has_none() -> None:
    assert recent_id(event(), encode_event_sorted(event())) is None


def test_the_first_event_with_an_id_is_remembered_by_those_that_repeat_it() -> None:
    redis = FakeStrictRedis()
    first, second, third = keyed(), keyed(), keyed(received_at_ms=NOW_MS + 1, token_id=9)

    assert append(redis, [first, keyed("order-2")]) == [None, None]
    assert append(redis, [second, keyed("order-3")]) == [FirstEvent(first.receipt, True), None]
    assert append(redis, [third]) == [FirstEvent(first.receipt, True)]


def test_a_repeat_that_says_something_else_is_told_apart() -> None:
    redis = FakeStrictRedis()
    first = keyed(parameters={"a": "1", "b": "2"})
    append(redis, [first])

    same, other = keyed(parameters={"b": "2", "a": "1"}), keyed(parameters={"a": "1"})
    assert append(redis, [same, other]) == [
        FirstEvent(first.receipt, True), FirstEvent(first.receipt, False),
    ]  # fmt: skip


def test_two_of_one_write_have_the_first_of_them() -> None:
    first = keyed()

    assert append(FakeStrictRedis(), [first, keyed()]) == [None, FirstEvent(first.receipt, True)]


@pytest.mark.parametrize(
    "changes", [{"app_id": 2}, {"environment": Environment.SANDBOX}, {"idempotency_key": "x"}]
)
def test_an_id_is_of_one_app_and_environment(changes: dict[str, Any]) -> None:
    redis = FakeStrictRedis()
    append(redis, [event(idempotency_key="order-1")])

    assert append(redis, [event(**{"idempotency_key": "order-1"} | changes)]) == [None]


@pytest.mark.parametrize("number", [4_000, 9_001])
def test_as_many_ids_as_a_write_may_have_are_remembered_in_their_order(number: int) -> None:
    redis = FakeStrictRedis()
    sent = [keyed(f"order-{place}") for place in range(number)]

    assert append(redis, sent) == [None] * number
    again = append(redis, [keyed(f"order-{place}") for place in range(number)])
    assert again == [FirstEvent(event.receipt, True) for event in sent]


def test_markers_and_ids_of_one_write_do_not_get_mixed_up() -> None:
    redis = FakeStrictRedis()
    markers = [SeenMarker(b"device-one!!", b"v"), SeenMarker(b"device-two!!")]

    assert append(redis, [keyed("a"), keyed("b")], markers) == [None, None]
    assert None not in append(redis, [keyed("a"), keyed("b")], markers)


def test_ids_are_forgotten_after_a_day() -> None:
    redis = FakeStrictRedis()
    append(redis, [keyed()])

    assert 0 < redis.pttl(NAMES.recent_ids_hash(0)) <= IDS_MS


@given(st.integers(1, 60), st.integers(1, 7))
def test_the_last_ids_are_known_and_the_memory_stays_within_twice_their_number(
    total: int, size: int
) -> None:
    ids_max = 10
    script = APPEND.replace(f">= {recent_ids.IDS_MAX} then", f">= {ids_max} then")
    assert script != APPEND
    redis = FakeStrictRedis()
    for begin in range(0, total, size):
        chunk = [keyed(str(number)) for number in range(begin, min(begin + size, total))]
        assert append(redis, chunk, script=script) == [None] * len(chunk)

    held = sum(redis.hlen(NAMES.recent_ids_hash(turn)) for turn in (0, 1))
    assert min(total, ids_max) <= held < 2 * (ids_max + size)
    last = [keyed(str(number)) for number in range(max(0, total - ids_max), total)]
    assert None not in append(redis, last, script=script)


def test_an_id_takes_a_few_bytes() -> None:
    sent = keyed("k" * 256)
    recent = recent_id(sent, encode_event_sorted(sent))

    assert isinstance(recent, RecentId)
    assert (len(recent.name), len(recent.value)) == (12, 20)
