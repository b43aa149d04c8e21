"""What is stored leaves the inbox, once, and nothing else does."""

import pytest

from shared.inbox import Entry, append, measure, read_entry
from shared.redis import stream_entries
from tests.support.build import batch, event
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES
from workers.drain.acknowledgement import acknowledge


@pytest.fixture
def redis() -> FakeStrictRedis:
    return FakeStrictRedis()


def acknowledged(redis: FakeStrictRedis, *entries: tuple[str, int]) -> int:
    return acknowledge(redis, [Entry(*entry[:1], 1, entry[1], 1, b"") for entry in entries])


def only_id(redis: FakeStrictRedis) -> str:
    ((entry_id, _),) = stream_entries(redis.xrange(NAMES.inbox))
    return entry_id.decode()


def test_acknowledged_events_leave_the_inbox_and_the_backlog(redis: FakeStrictRedis) -> None:
    append(redis, batch(event(), event()), 2)

    assert acknowledged(redis, (only_id(redis), 2)) == 2
    assert redis.xlen(NAMES.inbox) == 0
    assert measure(redis).events == 0
    assert measure(redis).accepted == 2


def test_an_entry_acknowledged_twice_is_subtracted_once(redis: FakeStrictRedis) -> None:
    append(redis, batch(event()), 1)
    append(redis, batch(event(), event()), 2)
    first = stream_entries(redis.xrange(NAMES.inbox))[0][0].decode()

    acknowledged(redis, (first, 1))
    acknowledged(redis, (first, 1))

    assert measure(redis).events == 2


def test_only_named_entries_are_acknowledged(redis: FakeStrictRedis) -> None:
    append(redis, batch(event(user_id="stored")), 1)
    stored = only_id(redis)
    append(redis, batch(event(user_id="waits")), 1)

    acknowledged(redis, (stored, 1), ("1-1", 1))

    ((_, fields),) = stream_entries(redis.xrange(NAMES.inbox))
    assert read_entry(b"1-0", fields, 1).events()[0].user_id == "waits"
