"""The drain on a Redis in memory and a ledger for tables; real servers have tests of their own."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.database import Connection, DatabaseError
from shared.inbox import GROUP, Entry, append, measure
from shared.redis import stream_entries
from tests.support.build import batch, entry, event
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES
from workers.drain.drain import Drain, DrainLimits, DrainRequests, group_entries
from workers.drain.inbox_reader import InboxReader
from workers.facts.event_rows import COLUMNS
from workers.facts.record import Recorded
from workers.facts.user_rows import _FIND
from workers.patient_database import PATIENT, Database, Patience

entries = st.lists(
    st.builds(
        entry,
        id=st.integers(min_value=1, max_value=99).map("{}-0".format),
        count=st.integers(min_value=0, max_value=50),
        deliveries=st.sampled_from([1, 1, 1, 2, 5]),
    )
)


def counts(groups: list[list[Entry]]) -> list[list[int]]:
    return [[entry.count for entry in group] for group in groups]


def test_entries_share_a_transaction_up_to_its_limit() -> None:
    taken = [entry(count=count) for count in (3, 3, 3, 4, 10, 1)]

    assert counts(list(group_entries(taken, 10))) == [[3, 3, 3], [4], [10], [1]]


def test_an_entry_beyond_the_limit_goes_alone() -> None:
    taken = [entry(count=count) for count in (1, 99, 1)]

    assert counts(list(group_entries(taken, 10))) == [[1], [99], [1]]


def test_an_entry_that_was_delivered_before_goes_alone() -> None:
    first, again, last = entry(count=1), entry(count=1, deliveries=2), entry(count=1)

    assert list(group_entries([first, again, last], 10)) == [[first], [again], [last]]


def test_nothing_makes_no_group() -> None:
    assert list(group_entries([], 10)) == []


@given(entries, st.integers(min_value=1, max_value=100))
def test_every_entry_is_in_one_group_and_in_its_order(taken: list[Entry], events_max: int) -> None:
    groups = list(group_entries(taken, events_max))

    assert [entry for group in groups for entry in group] == taken
    assert all(groups)


@given(entries, st.integers(min_value=1, max_value=100))
def test_no_group_of_several_exceeds_the_limit_or_holds_a_repeated_delivery(
    taken: list[Entry], events_max: int
) -> None:
    for group in group_entries(taken, events_max):
        if len(group) > 1:
            assert sum(entry.count for entry in group) <= events_max
            assert all(entry.deliveries == 1 for entry in group)


class Rows(list[Any]):
    """The rows of a statement, as a cursor has them."""

    def fetchall(self) -> list[Any]:
        return self


@dataclass
class Ledger(Database):
    """A database that notes what it is told, knows every user, and has nothing else to tell."""

    statements: list[tuple[str, Any]] = field(default_factory=list)
    is_away: bool = False

    def connection(self, _patience: Patience = PATIENT) -> Connection:
        if self.is_away:
            raise DatabaseError
        return cast("Connection", self)

    def close(self) -> None:
        pass

    def execute(self, statement: str | bytes, values: Any = None) -> Rows:
        text = statement if isinstance(statement, str) else statement.decode()
        self.statements.append((text, values))
        if text == _FIND:
            return Rows(
                (*user.values(), 1, False, None, [], []) for user in msgspec.json.decode(values[0])
            )
        return Rows([(values["receipt"],)] if "NOT EXISTS (SELECT FROM events" in text else [])

    def cursor(self) -> "Ledger":
        return self

    @contextmanager
    def copy(self, statement: bytes) -> Iterator[BytesIO]:
        lines = BytesIO()
        yield lines
        self.statements.append((statement.decode(), lines.getvalue()))
        told, self.after_first = self.after_first, None
        if told is not None:
            told()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    after_first: Callable[[], object] | None = None

    def recorded(self) -> list[str]:
        """User of each event, transaction after transaction."""
        copied = [lines for text, lines in self.statements if text.startswith("COPY events ")]
        column = COLUMNS.index("user_id")
        return [
            line.split("\t")[column] for lines in copied for line in lines.decode().splitlines()
        ]

    def quarantined(self) -> list[str]:
        rows = [values for text, values in self.statements if "INSERT INTO quarantine" in text]
        return [row["reason"] if isinstance(row, dict) else row[1] for row in rows]


@dataclass
class Bench:
    redis: FakeStrictRedis
    ledger: Ledger
    asked: int = 0
    stops: bool = False

    def fill(self, *users: str) -> None:
        for user in users:
            append(self.redis, batch(event(user_id=user)), 1)

    def drain(
        self, seconds_max: int = 60, events_max: int = 2000, beside: Sequence[Ledger] = ()
    ) -> Recorded:
        def another() -> None:
            self.asked += 1

        limits = DrainLimits(events_max, seconds_max, deliveries_max=3, linger_ms=1)
        inbox = InboxReader(self.redis, "worker", 60_000)
        requests = DrainRequests(another, another)
        lanes = (self.ledger, *beside)
        return Drain(inbox, lanes, limits, requests, lambda: self.stops).run()


@pytest.fixture
def bench() -> Bench:
    return Bench(FakeStrictRedis(), Ledger())


def test_a_drain_empties_the_inbox_and_gives_up_its_flag(bench: Bench) -> None:
    bench.fill("a", "b", "c")

    assert bench.drain() == Recorded(events=3)
    assert bench.ledger.recorded() == ["a", "b", "c"]
    assert bench.redis.xlen(NAMES.inbox) == 0
    assert measure(bench.redis).events == 0
    assert bench.redis.exists(NAMES.wake) == 0
    assert bench.asked == 0


def test_a_drain_of_an_empty_inbox_stores_nothing(bench: Bench) -> None:
    assert bench.drain() == Recorded()
    assert bench.ledger.recorded() == []


def test_a_drain_begins_with_what_its_worker_held_before(bench: Bench) -> None:
    bench.fill("a")
    InboxReader(bench.redis, "worker", 60_000).read(None)
    bench.fill("b")

    bench.drain()

    assert bench.ledger.recorded() == ["a", "b"]


def test_a_drain_whose_time_is_up_asks_for_another(bench: Bench) -> None:
    bench.fill("a")

    bench.drain(seconds_max=0)

    assert bench.asked == 1
    assert bench.redis.exists(NAMES.wake) == 1
    assert bench.redis.xlen(NAMES.inbox) == 1


def test_a_worker_that_stops_hands_over_and_loses_nothing(bench: Bench) -> None:
    bench.fill("a")
    bench.stops = True

    bench.drain()

    assert bench.asked == 1
    bench.stops = False
    assert bench.drain() == Recorded(events=1)


def test_a_worker_that_stops_leaves_what_it_has_not_begun_to_another(bench: Bench) -> None:
    bench.fill("a", "b", "c")
    bench.ledger.after_first = lambda: setattr(bench, "stops", True)

    assert bench.drain(events_max=1) == Recorded(events=1)

    assert bench.ledger.recorded() == ["a"]
    bench.stops = False
    other = InboxReader(bench.redis, "other", 60_000)
    left = [*other.claim_abandoned(), *other.read(None)]
    assert [event.user_id for entry in left for event in entry.events()] == ["b", "c"]
    assert {entry.deliveries for entry in left} == {1}


def test_a_worker_takes_no_more_than_it_stores_in_two_transactions(bench: Bench) -> None:
    for number in range(8):
        append(bench.redis, batch(*[event(user_id=str(number))] * 100), 100)
    held: list[int] = []

    def note() -> None:
        pending: Any = bench.redis.xpending(NAMES.inbox, GROUP)
        held.append(pending["pending"])

    bench.ledger.after_first = note

    bench.drain(events_max=200)

    assert held == [4]


def test_two_groups_are_stored_side_by_side_each_by_its_own_connection(bench: Bench) -> None:
    bench.fill("a", "b", "c")
    other, both = Ledger(), threading.Barrier(2)
    for ledger in (bench.ledger, other):
        ledger.after_first = lambda: both.wait(10)

    assert bench.drain(events_max=1, beside=[other]) == Recorded(events=3)

    assert bench.ledger.recorded() == ["a", "c"]
    assert other.recorded() == ["b"]
    assert bench.redis.xlen(NAMES.inbox) == 0


def test_what_was_delivered_before_is_stored_alone(bench: Bench) -> None:
    """It may be what killed its worker, and who was stored beside it would be suspected too."""
    bench.fill("a", "b")
    InboxReader(bench.redis, "worker", 60_000).read(None)
    bench.fill("c")
    other, alone = Ledger(), []
    bench.ledger.after_first = lambda: alone.append(other.recorded() == [])

    bench.drain(events_max=1, beside=[other])

    assert bench.ledger.recorded() == ["a", "b", "c"]
    assert other.recorded() == []
    assert alone == [True]


def test_a_lane_without_a_connection_keeps_nobody_waiting(bench: Bench) -> None:
    bench.fill("a", "b")
    other = Ledger(is_away=True)

    assert bench.drain(events_max=1, beside=[other]) == Recorded(events=2)

    assert bench.ledger.recorded() == ["a", "b"]


def test_a_lane_that_fails_leaves_the_other_what_it_stored(bench: Bench) -> None:
    bench.fill("a", "b")
    other = Ledger()

    def fail() -> None:
        raise ZeroDivisionError

    other.after_first = fail

    with pytest.raises(ZeroDivisionError):
        bench.drain(events_max=1, beside=[other])

    (left,) = InboxReader(bench.redis, "worker", 60_000).claim_own()
    assert [event.user_id for event in left.events()] == ["b"]


def test_a_drain_leaves_a_line_with_its_entries_and_counts(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.fill("a", "b")
    ids = [entry_id.decode() for entry_id, _ in stream_entries(bench.redis.xrange(NAMES.inbox))]

    with caplog.at_level("DEBUG", "workers.drain.drain_log"):
        bench.drain()
        bench.drain()  # nothing to say

    stored, drained = [
        record for record in caplog.records if record.name == "workers.drain.drain_log"
    ]
    assert stored.__dict__["fields"]["entries"] == ids
    fields = drained.__dict__["fields"]
    assert (drained.message, fields["events"], fields["entries"]) == ("drained", 2, 2)
    assert (fields["first_entry"], fields["last_entry"]) == (ids[0], ids[-1])


def test_a_long_backlog_asks_for_one_more_worker(bench: Bench) -> None:
    bench.fill("a", "b", "c")

    bench.drain(events_max=1)

    assert bench.asked == 1
    assert bench.redis.xlen(NAMES.inbox) == 0


def test_a_batch_that_cannot_be_read_stands_aside_and_stops_nobody(bench: Bench) -> None:
    bench.fill("a")
    append(bench.redis, b"no batch", 5)
    append(bench.redis, batch(event()), 2, wire_version=99)
    bench.fill("b")

    assert bench.drain() == Recorded(events=2, quarantined=7)
    assert bench.ledger.recorded() == ["a", "b"]
    assert bench.ledger.quarantined() == ["unreadable", "unreadable"]
    assert bench.redis.xlen(NAMES.inbox) == 0


def test_a_batch_that_cannot_be_read_stands_aside_however_often_it_was_delivered(
    bench: Bench,
) -> None:
    append(bench.redis, b"no batch", 5)
    inbox = InboxReader(bench.redis, "worker", 60_000)
    inbox.read(None)
    for _ in range(4):
        inbox.claim_own()

    assert bench.drain() == Recorded(quarantined=5)
    assert bench.ledger.quarantined() == ["unreadable"]
    assert bench.redis.xlen(NAMES.inbox) == 0


def test_a_batch_delivered_too_often_is_taken_apart_and_its_killer_stands_aside(
    bench: Bench,
) -> None:
    append(bench.redis, batch(event(user_id="a"), event(user_id="kills"), event(user_id="c")), 3)
    inbox = InboxReader(bench.redis, "worker", 60_000)
    inbox.read(None)
    for _ in range(4):
        (held,) = inbox.claim_own()
    inbox.note_suspect(held, 1)

    assert bench.drain() == Recorded(events=2, quarantined=1)
    assert bench.ledger.recorded() == ["a", "c"]
    assert bench.ledger.quarantined() == ["killed_worker"]
    assert bench.redis.xlen(NAMES.inbox) == 0
