"""The shares of apps in the inbox: what is parked, what is released, and that nothing gets lost."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import decode_events
from shared.ids import new_receipt
from shared.inbox import (
    GROUP,
    all_entries,
    append,
    find_event,
    measure,
    oldest_time_ms,
    read_entry,
)
from shared.limits.app_shares import (
    SHARE_EVENTS,
    app_counts_text,
    queued_events,
    release_parked,
)
from shared.redis import stream_entries
from tests.support.build import batch, event
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES
from workers.drain.acknowledgement import acknowledge

SHARE = 100
NOISY, QUIET, LOUD = 1, 2, 3


@pytest.fixture
def redis() -> FakeStrictRedis:
    """An inbox whose drains take 100 events of an app before they park it."""
    return with_share(FakeStrictRedis())


def with_share(redis: FakeStrictRedis, share: int = SHARE) -> FakeStrictRedis:
    redis.set(NAMES.inbox_share, share)
    redis.xgroup_create(NAMES.inbox, GROUP, id="0", mkstream=True)
    return redis


def send(redis: FakeStrictRedis, app_id: int, count: int = 10, entries: int = 1) -> None:
    payload = batch(*[event(app_id=app_id)] * count)
    for _ in range(entries):
        append(redis, payload, count, apps=str(app_id))


def release(redis: FakeStrictRedis, events_max: int = 50, share: int = SHARE) -> int:
    return release_parked(redis, GROUP, events_max, share)


def in_inbox(redis: FakeStrictRedis) -> Counter[int]:
    entries = stream_entries(redis.xrange(NAMES.inbox))
    return Counter(each.app_id for _, fields in entries for each in decode_events(fields[b"e"]))


def read(redis: FakeStrictRedis, entries_max: int) -> list[Any]:
    reply: Any = redis.xreadgroup(GROUP, "worker", {NAMES.inbox: ">"}, entries_max)
    entries = stream_entries(reply[0][1]) if reply else []
    return [read_entry(entry_id, fields, 1) for entry_id, fields in entries]


def test_an_app_beyond_its_share_is_parked_and_the_others_are_not(redis: FakeStrictRedis) -> None:
    send(redis, NOISY, entries=50)
    send(redis, QUIET)

    assert in_inbox(redis) == {NOISY: SHARE, QUIET: 10}
    assert redis.xlen(NAMES.parked_stream(NOISY)) == 40
    assert queued_events(redis) == {NOISY: 500, QUIET: 10}
    assert measure(redis).events == 510


def test_whoever_adds_learns_which_apps_have_no_room(redis: FakeStrictRedis) -> None:
    send(redis, NOISY, entries=20)

    both = append(redis, batch(event(), event()), 2, apps=app_counts_text({NOISY: 1, QUIET: 1}))
    quiet = append(redis, batch(event()), 1, apps=str(QUIET))

    assert (both.over, quiet.over) == (str(NOISY), "")
    assert redis.xlen(NAMES.inbox) == 12


def test_parked_batches_stay_in_front_of_later_ones_of_their_app(redis: FakeStrictRedis) -> None:
    send(redis, NOISY, entries=12)
    acknowledge(redis, read(redis, 10))

    send(redis, NOISY)

    assert in_inbox(redis) == {}
    assert redis.xlen(NAMES.parked_stream(NOISY)) == 3


def test_a_release_is_a_second_of_work_shared_by_the_apps(redis: FakeStrictRedis) -> None:
    send(redis, NOISY, entries=90)
    send(redis, LOUD, entries=30)
    acknowledge(redis, read(redis, 1000))

    assert release(redis, events_max=60) == 2
    assert in_inbox(redis) == {NOISY: 30, LOUD: 30}


def test_while_others_wait_to_be_read_parked_apps_get_a_part(redis: FakeStrictRedis) -> None:
    send(redis, NOISY, entries=90)
    acknowledge(redis, read(redis, 1000))
    for app_id in range(10, 50):
        send(redis, app_id, count=1)

    release(redis, events_max=400)

    assert in_inbox(redis)[NOISY] == 100


def test_an_app_that_was_released_whole_goes_to_the_inbox_again(redis: FakeStrictRedis) -> None:
    send(redis, NOISY, entries=12)
    acknowledge(redis, read(redis, 1000))

    assert release(redis) == 0
    send(redis, NOISY)

    assert in_inbox(redis) == {NOISY: 30}
    assert redis.exists(NAMES.parked, NAMES.parked_stream(NOISY)) == 0


def test_before_any_worker_of_this_version_nothing_is_parked() -> None:
    redis = FakeStrictRedis()
    redis.set("waybill:accepted", 5)

    send(redis, NOISY, count=100, entries=50)

    assert in_inbox(redis) == {NOISY: 5_000}


def test_a_new_installation_has_a_share_from_its_first_event() -> None:
    redis = FakeStrictRedis()

    send(redis, NOISY, count=1_000, entries=5)

    assert in_inbox(redis) == {NOISY: SHARE_EVENTS}


def test_entries_of_an_earlier_version_are_acknowledged_uncounted(redis: FakeStrictRedis) -> None:
    redis.xadd(NAMES.inbox, {"v": 1, "n": 1, "e": batch(event())})
    send(redis, NOISY)

    acknowledge(redis, read(redis, 1))

    assert queued_events(redis) == {NOISY: 10}


def test_what_earlier_workers_acknowledged_is_forgotten_when_the_inbox_is_empty(
    redis: FakeStrictRedis,
) -> None:
    send(redis, NOISY, entries=10)
    redis.xdel(NAMES.inbox, *[entry.id for entry in read(redis, 1000)])

    send(redis, NOISY)

    assert in_inbox(redis) == {NOISY: 10}
    assert redis.hgetall(NAMES.inbox_apps) == {b"1": b"10"}


def test_a_parked_event_is_found_before_and_after_its_release(redis: FakeStrictRedis) -> None:
    send(redis, NOISY, entries=10)
    waiting = event(receipt=new_receipt(measure_ms(redis)), user_id="waiting")
    append(redis, batch(waiting), 1, apps=str(NOISY))

    assert find_event(redis, waiting.receipt) == waiting
    release(redis)
    assert find_event(redis, waiting.receipt) == waiting


def measure_ms(redis: FakeStrictRedis) -> int:
    seconds, microseconds = redis.time()
    return int(seconds * 1000 + microseconds // 1000)


def test_a_released_event_is_as_old_as_it_was(redis: FakeStrictRedis) -> None:
    redis.hset(NAMES.parked, str(NOISY), 1)
    old: Any = {"v": 1, "n": 1, "e": batch(event()), "a": NOISY}
    redis.xadd(NAMES.parked_stream(NOISY), old, id="5000-0")
    send(redis, QUIET)

    assert oldest_time_ms(redis) == 5000
    release(redis)
    assert oldest_time_ms(redis, exactly=True) == 5000
    assert min(entry.time_ms for entry in all_entries(redis)) == 5000


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True),
                  st.integers(1, 80)),
        st.tuples(st.just("release"), st.integers(1, 200)),
        st.tuples(st.just("store"), st.integers(1, 20)),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(acts=ACTS)
def test_whatever_happens_each_event_is_stored_once_and_the_counts_are_true(
    acts: list[tuple[Any, ...]],
) -> None:
    redis, sent, stored = with_share(FakeStrictRedis()), Counter[int](), Counter[int]()

    def store(entries: list[Any]) -> None:
        stored.update(each.app_id for entry in entries for each in entry.events())
        acknowledge(redis, entries)

    for act in acts:
        if act[0] == "send":
            counts = dict.fromkeys(act[1], act[2])
            events = [event(app_id=app_id) for app_id in act[1] for _ in range(act[2])]
            append(redis, batch(*events), len(events), apps=app_counts_text(counts))
            sent.update(counts)
        elif act[0] == "release":
            release(redis, events_max=act[1])
        else:
            store(read(redis, act[1]))
        assert queued_events(redis) == {
            app_id: sent[app_id] - stored[app_id] for app_id in sent - stored
        }
        assert measure(redis).events == (sent - stored).total()
    while release(redis) or redis.xlen(NAMES.inbox):
        store(read(redis, 1000))
    assert stored == sent
    assert redis.exists(NAMES.inbox_apps, NAMES.parked) == 0
