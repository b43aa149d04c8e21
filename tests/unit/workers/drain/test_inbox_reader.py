"""The workers' side of the inbox, on a Redis in memory.

How long a worker has been silent is real time, so a reader here waits for one millisecond of it;
the rest of claiming is tested with real servers.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

import pytest

from shared.inbox import GROUP, WAKE_MS, Entry, append, measure
from tests.support.build import batch, event
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES
from workers.drain.inbox_reader import READ_ENTRIES_MAX, InboxReader, Waiting

SECONDS_MAX = 10


@pytest.fixture
def redis() -> FakeStrictRedis:
    return FakeStrictRedis()


def reader(redis: FakeStrictRedis, name: str = "one", claim_idle_ms: int = 60_000) -> InboxReader:
    return InboxReader(redis, name, claim_idle_ms)


def impatient(redis: FakeStrictRedis, name: str) -> InboxReader:
    return reader(redis, name, claim_idle_ms=1)


def fill(redis: FakeStrictRedis, *users: str) -> None:
    """One entry a user."""
    for user in users:
        append(redis, batch(event(user_id=user)), 1)


def users(entries: Sequence[Entry]) -> list[str]:
    return [event.user_id for entry in entries for event in entry.events()]


def idle_ms(redis: FakeStrictRedis) -> int:
    (held,) = redis.xpending_range(NAMES.inbox, GROUP, "-", "+", 1)
    return int(held["time_since_delivered"])


def wait_until(holds: Callable[[], bool]) -> None:
    ends_at = monotonic() + SECONDS_MAX
    while not holds():
        assert monotonic() < ends_at


def claimed(inbox: InboxReader) -> list[Entry]:
    """What is claimed as abandoned, as soon as its holder has been silent long enough."""
    ends_at = monotonic() + SECONDS_MAX
    while not (entries := inbox.claim_abandoned()):
        assert monotonic() < ends_at
    return entries


def test_new_entries_are_read_oldest_first_and_once(redis: FakeStrictRedis) -> None:
    fill(redis, "a", "b")

    assert users(reader(redis).read(None)) == ["a", "b"]
    assert reader(redis).read(None) == []
    assert reader(redis, "two").read(None) == []


def test_what_came_before_the_first_reader_is_read_too(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    reader(redis).make_group()
    reader(redis).make_group()

    assert users(reader(redis).read(None)) == ["a"]


def test_an_inbox_that_was_never_written_to_is_empty(redis: FakeStrictRedis) -> None:
    inbox = reader(redis)

    assert inbox.read(None) == []
    assert inbox.claim_own() == []
    assert inbox.claim_abandoned() == []
    assert inbox.waiting() == Waiting(0, 0, 0)


def test_a_reader_goes_on_after_redis_has_lost_its_data(redis: FakeStrictRedis) -> None:
    inbox = reader(redis)
    inbox.read(None)

    redis.flushall()
    assert inbox.claim_own() == []
    fill(redis, "a")

    assert users(inbox.read(None)) == ["a"]


def test_a_read_takes_no_more_than_its_share(redis: FakeStrictRedis) -> None:
    fill(redis, *map(str, range(READ_ENTRIES_MAX + 1)))

    assert len(reader(redis).read(None)) == READ_ENTRIES_MAX
    assert len(reader(redis, "two").read(None)) == 1


def test_a_fresh_entry_has_been_delivered_once(redis: FakeStrictRedis) -> None:
    fill(redis, "a")

    assert [entry.deliveries for entry in reader(redis).read(None)] == [1]


def test_a_worker_takes_up_what_an_earlier_job_of_it_held(redis: FakeStrictRedis) -> None:
    fill(redis, "a", "b")
    reader(redis, "one").read(None)

    assert users(reader(redis, "two").claim_own()) == []
    assert users(reader(redis, "one").claim_own()) == ["a", "b"]


def test_each_time_an_entry_is_taken_up_counts_as_a_delivery(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    reader(redis).read(None)

    deliveries = [reader(redis).claim_own()[0].deliveries for _ in range(3)]

    assert deliveries == [2, 3, 4]


def test_what_a_silent_worker_held_is_taken_over(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    reader(redis, "silent").read(None)

    (entry,) = claimed(impatient(redis, "other"))

    assert users([entry]) == ["a"]
    assert entry.deliveries == 2


def test_what_a_worker_holds_that_is_not_silent_is_left_to_it(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    reader(redis, "busy").read(None)

    assert reader(redis, "other").claim_abandoned() == []


def test_what_is_settled_is_gone_for_everybody(redis: FakeStrictRedis) -> None:
    fill(redis, "a", "b")
    inbox = reader(redis)
    first, _ = inbox.read(None)

    inbox.ack([first])

    assert redis.xlen(NAMES.inbox) == 1
    assert measure(redis).events == 1
    assert users(inbox.claim_own()) == ["b"]


def test_an_entry_settled_by_two_workers_is_counted_off_once(redis: FakeStrictRedis) -> None:
    fill(redis, "a", "b")
    entries = reader(redis).read(None)

    reader(redis, "one").ack(entries[:1])
    reader(redis, "two").ack(entries[:1])

    assert measure(redis).events == 1


def test_an_entry_deleted_under_a_claim_is_not_claimed_as_an_empty_one(
    redis: FakeStrictRedis,
) -> None:
    fill(redis, "a", "b")
    first, _ = reader(redis).read(None)
    redis.xdel(NAMES.inbox, first.id)

    assert users(reader(redis).claim_own()) == ["b"]


def test_a_forgiven_delivery_was_none(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    inbox = reader(redis)
    for _ in range(5):
        inbox.reset_deliveries(inbox.claim_own() or inbox.read(None))

    assert inbox.claim_own()[0].deliveries == 1


def test_forgiveness_clears_the_suspicion(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    inbox = reader(redis)
    (entry,) = inbox.read(None)
    inbox.note_suspect(entry, 3)

    inbox.reset_deliveries([entry])

    assert inbox.suspect(entry) is None


def test_the_event_being_tried_is_known_to_who_comes_after(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    (entry,) = reader(redis, "dies").read(None)
    assert reader(redis).suspect(entry) is None

    reader(redis, "dies").note_suspect(entry, 0)
    assert reader(redis).suspect(entry) == 0

    reader(redis, "dies").note_suspect(entry, 7)
    assert reader(redis).suspect(entry) == 7


def test_a_worker_that_comes_back_late_suspects_nothing_of_an_entry_that_is_gone(
    redis: FakeStrictRedis,
) -> None:
    fill(redis, "a")
    stopped = reader(redis, "stopped")
    (entry,) = stopped.read(None)
    reader(redis, "other").ack([entry])

    stopped.note_suspect(entry, 0)

    assert redis.exists(NAMES.suspects) == 0


def test_an_exception_is_no_death(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    inbox = reader(redis)
    (entry,) = inbox.read(None)
    inbox.note_suspect(entry, 0)

    inbox.forget_suspect(entry)

    assert redis.exists(NAMES.suspects) == 0


def test_a_settled_entry_leaves_no_suspicion_behind(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    inbox = reader(redis)
    inbox.read(None)
    (entry,) = inbox.claim_own()
    inbox.note_suspect(entry, 0)

    inbox.ack([entry])

    assert redis.exists(NAMES.suspects) == 0


def test_what_is_held_is_kept_fresh_without_counting_as_a_delivery(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    busy = reader(redis, "busy", claim_idle_ms=30)
    entries = busy.read(None)

    with busy.hold(entries):
        wait_until(lambda: idle_ms(redis) > 2)
        wait_until(lambda: idle_ms(redis) <= 2)

    (held,) = redis.xpending_range(NAMES.inbox, GROUP, "-", "+", 1)
    assert held["consumer"] == b"busy"
    assert held["times_delivered"] == 1


def test_a_hold_ends_with_its_work(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    busy = reader(redis, "busy")
    before = threading.active_count()

    with suppress(RuntimeError), busy.hold(busy.read(None)):
        assert threading.active_count() == before + 1
        raise RuntimeError

    assert threading.active_count() == before


def test_the_flag_is_kept_up_while_awake_and_given_up_before_sleep(redis: FakeStrictRedis) -> None:
    inbox = reader(redis)

    inbox.refresh_wake_flag()
    assert 0 < redis.pttl(NAMES.wake) <= WAKE_MS

    inbox.clear_wake_flag()
    assert redis.exists(NAMES.wake) == 0


def test_what_waits_is_counted_in_events_and_in_entries(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    fill(redis, "b")
    redis.set(NAMES.backlog, 12)

    assert reader(redis).waiting() == Waiting(12, 2, 0)


def test_what_a_worker_releases_another_has_at_once_and_as_if_for_the_first_time(
    redis: FakeStrictRedis,
) -> None:
    fill(redis, "a")
    taken = reader(redis, "stops").read(None)
    assert reader(redis, "other").claim_abandoned() == []

    reader(redis, "stops").release(taken)

    (again,) = reader(redis, "other").claim_abandoned()
    assert (again.id, again.deliveries) == (taken[0].id, 1)


def test_a_release_does_not_forget_earlier_deliveries(redis: FakeStrictRedis) -> None:
    fill(redis, "a")
    reader(redis, "dies").read(None)
    (second,) = reader(redis, "dies").claim_own()

    reader(redis, "dies").release([second])

    (third,) = reader(redis, "other").claim_abandoned()
    assert (second.deliveries, third.deliveries) == (2, 2)


def test_a_consumer_that_is_gone_is_forgotten_only_when_it_holds_nothing(
    redis: FakeStrictRedis,
) -> None:
    fill(redis, "a")
    reader(redis, "holds").read(None)
    reader(redis, "gone").read(None)
    upkeep = reader(redis, "upkeep")

    assert upkeep.delete_consumers(silent_ms=60_000) == 0
    wait_until(lambda: upkeep.delete_consumers(silent_ms=1) == 1)

    assert [consumer["name"] for consumer in redis.xinfo_consumers(NAMES.inbox, GROUP)] == [
        b"holds"
    ]
    assert upkeep.delete_consumers(silent_ms=1) == 0
