"""Tests seen markers on a Redis in memory: set with a batch, seen again, expired, looked up."""

from collections.abc import Iterator, Sequence

import pytest

from shared import seen
from shared.device_ids import adid_of
from shared.events import Environment
from shared.inbox import (
    APPEND,
    Appended,
    BatchPart,
    append_arguments,
    append_keys,
    read_append_reply,
)
from shared.seen import (
    LOOK_BACK,
    PERIOD_MS,
    SeenMarker,
    bytes_key,
    device_marker,
    device_name,
    latest_name,
    look_back_keys,
    read_device_marker,
    set_markers,
    unique_marker,
)
from tests.support.build import NOW_MS, batch, event
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES

PRODUCTION = Environment.PRODUCTION
DEVICE = device_marker(1, PRODUCTION, "u:1", NOW_MS)


@pytest.fixture
def redis() -> Iterator[FakeStrictRedis]:
    with FakeStrictRedis() as redis:
        yield redis


def run_append(
    redis: FakeStrictRedis, version: str, payload: bytes, sent: Sequence[SeenMarker], at_ms: int
) -> Appended | None:
    parts = [BatchPart(payload, 1)]
    keys = append_keys(NAMES, parts, sent, at_ms)
    arguments = append_arguments(version, parts, 1, sent)
    return read_append_reply(redis.register_script(APPEND)(keys=keys, args=arguments))


def add(redis: FakeStrictRedis, *sent: SeenMarker, at_ms: int = NOW_MS) -> Appended | None:
    return run_append(redis, "", batch(event()), sent, at_ms)


def seen_before(redis: FakeStrictRedis, *sent: SeenMarker, at_ms: int = NOW_MS) -> list[bool]:
    added = add(redis, *sent, at_ms=at_ms)
    assert added is not None
    return added.seen_before


def look(
    redis: FakeStrictRedis, order: bytes = b"", time_ms: int = 0, at_ms: int = NOW_MS
) -> list[bytes | int]:
    device = device_name(1, PRODUCTION, adid_of(1, "u:1"))
    markers = [device, order] if order else [device]
    arguments: list[int | bytes] = [1, *markers, *([time_ms] if order else [])]
    answer: list[bytes | int] = redis.register_script(LOOK_BACK)(
        keys=look_back_keys(NAMES, markers, at_ms), args=arguments
    )
    return answer


def test_a_marker_is_seen_from_its_batch_on(redis: FakeStrictRedis) -> None:
    other = unique_marker(1, PRODUCTION, 7, "u:1")

    assert seen_before(redis, DEVICE, other, DEVICE) == [False, False, True]
    assert seen_before(redis, DEVICE) == [True]
    assert seen_before(redis) == []


def test_a_batch_checked_with_another_snapshot_sets_no_marker(redis: FakeStrictRedis) -> None:
    assert run_append(redis, "7", b"", [DEVICE], NOW_MS) is None
    assert seen_before(redis, DEVICE) == [False]


def test_a_device_is_told_apart_by_app_environment_and_user(redis: FakeStrictRedis) -> None:
    others = [
        device_marker(2, PRODUCTION, "u:1", 0),
        device_marker(1, Environment.SANDBOX, "u:1", 0),
        device_marker(1, PRODUCTION, "u", 0),
        unique_marker(1, PRODUCTION, 1, "u:1"),
    ]

    assert seen_before(redis, DEVICE, *others) == [False] * 5


def test_its_first_value_stays_and_tells_the_user_and_since_when(redis: FakeStrictRedis) -> None:
    seen_before(redis, DEVICE, device_marker(1, PRODUCTION, "u:1", 5))

    value = look(redis)[0]
    assert isinstance(value, bytes)
    assert read_device_marker(value) == (NOW_MS, "u:1")


def test_a_marker_that_is_seen_again_stays_and_the_rest_expires(redis: FakeStrictRedis) -> None:
    quiet = unique_marker(1, PRODUCTION, 7, "quiet")
    seen_before(redis, DEVICE, quiet)

    assert seen_before(redis, DEVICE, at_ms=NOW_MS + PERIOD_MS) == [True]
    later = seen_before(redis, DEVICE, quiet, at_ms=NOW_MS + 2 * PERIOD_MS)
    assert later == [True, False]


def test_every_key_of_markers_expires(redis: FakeStrictRedis) -> None:
    seen_before(redis, DEVICE)

    keys = list(redis.scan_iter("waybill:marks:*"))
    assert len(keys) == 2
    assert all(0 < redis.pttl(key) <= 2 * PERIOD_MS for key in keys)


def test_an_app_without_room_takes_no_more_and_makes_nothing_certain(
    redis: FakeStrictRedis,
) -> None:
    redis.set(NAMES.markers_complete, 1)
    assert look(redis)[1] == 1

    redis.hset(bytes_key(NAMES, NOW_MS), "1", seen.APP_BYTES_MAX)

    assert seen_before(redis, DEVICE, DEVICE) == [False, False]
    assert look(redis)[:2] == [None, 0]


def test_another_app_keeps_its_room_when_one_is_flooded(redis: FakeStrictRedis) -> None:
    redis.hset(bytes_key(NAMES, NOW_MS), "1", seen.APP_BYTES_MAX)
    other = device_marker(2, PRODUCTION, "u:1", NOW_MS)

    assert seen_before(redis, other, other) == [False, True]


def test_what_a_marker_takes_of_its_app_is_counted_once(redis: FakeStrictRedis) -> None:
    unique = unique_marker(1, PRODUCTION, 7, "u:1")
    for _ in range(2):
        seen_before(redis, DEVICE, unique, device_marker(2, PRODUCTION, "u:1", NOW_MS))

    taken = redis.hgetall(bytes_key(NAMES, NOW_MS))
    length = len(DEVICE.name) + len(DEVICE.value)
    assert taken == {b"1": b"%d" % (length + 24 + 12 + 24), b"2": b"%d" % (length + 24)}


def test_without_the_sign_of_completeness_a_missing_marker_means_nothing(
    redis: FakeStrictRedis,
) -> None:
    assert look(redis)[1] == 0


def test_the_latest_time_in_order_is_kept_for_known_devices(redis: FakeStrictRedis) -> None:
    name = latest_name(1, PRODUCTION, "u:1", "purchase")

    assert look(redis, name, 50)[2] is None
    assert look(redis, name, 60)[2] is None  # the device is not known: nothing is stored of it
    seen_before(redis, DEVICE)
    assert look(redis, name, 60)[2] is None
    assert look(redis, name, 40)[2] == b"60"
    assert look(redis, name, 70)[2] == b"60"
    assert look(redis, name, 65)[2] == b"70"


def test_markers_are_set_without_an_event_too(redis: FakeStrictRedis) -> None:
    set_markers(redis, [DEVICE], NOW_MS)
    set_markers(redis, [], NOW_MS)

    assert seen_before(redis, DEVICE) == [True]
