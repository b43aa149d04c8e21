"""What is set aside is tried again in time, in halves, and never forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import Event
from tests.support.build import entry, event
from workers.drain.held_groups import DELAY_SECONDS_MAX, EVENTS_MAX, HeldGroups
from workers.facts.record import Recorded


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    clock: Clock = field(default_factory=Clock)
    stored: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.held = HeldGroups(self.clock)

    def hold(self, events: Sequence[Event]) -> None:
        self.held.hold([entry(count=len(events))], events)

    def try_until(self, seconds: float, at_fault: Sequence[Event]) -> int:
        """Tries what is due until then, and counts the tries."""
        tries = 0
        while self.clock.now < seconds:
            due = self.held.next_due()
            if due is None:
                self.clock.now += 0.05
                continue
            group, part = due
            tries += 1
            if any(each in at_fault for each in part.events):
                self.held.postpone(group, part)
            else:
                self.stored += part.events
                self.held.finish(group, part, Recorded(events=len(part.events)))
        return tries


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 64), st.data())
def test_everything_but_the_events_at_fault_is_stored_once(count: int, data: st.DataObject) -> None:
    bench, events = Bench(), [event() for _ in range(count)]
    at_fault = data.draw(st.lists(st.sampled_from(events), max_size=3))
    bench.hold(events)

    bench.try_until(10, at_fault)

    innocent = [each for each in events if each not in at_fault]
    assert sorted(bench.stored, key=events.index) == innocent
    assert len(bench.held) == (1 if at_fault else 0)

    bench.try_until(30, [])

    assert sorted(bench.stored, key=events.index) == events
    assert len(bench.held) == 0


def test_what_nobody_can_store_is_tried_ever_more_rarely() -> None:
    bench, events = Bench(), [event()]
    bench.hold(events)

    assert bench.try_until(60, events) < 15
    assert bench.try_until(120, events) <= 60 / DELAY_SECONDS_MAX + 1


def test_a_group_stays_whole_while_nobody_is_stored_at_first_and_is_halved_once_others_are() -> (
    None
):
    bench, events = Bench(), [event() for _ in range(8)]
    bench.hold(events)
    bench.clock.now = 1
    due = bench.held.next_due()
    assert due
    bench.held.postpone(*due)
    assert [len(part.events) for part in due[0].parts] == [8]

    bench.held.note_stored()
    bench.clock.now = 20
    due = bench.held.next_due()
    assert due
    bench.held.postpone(*due)
    assert [len(part.events) for part in due[0].parts] == [4, 4]


@pytest.mark.parametrize(("count", "fits"), [(EVENTS_MAX, True), (EVENTS_MAX + 1, False)])
def test_a_worker_holds_a_bounded_number_of_events(count: int, fits: bool) -> None:
    assert HeldGroups().has_room([entry(count=count)]) is fits


def test_what_is_held_is_not_taken_twice() -> None:
    held, mine, other = HeldGroups(), entry(id="1-0"), entry(id="2-0")
    held.hold([mine], [event()])

    assert held.without([mine, other]) == [other]
    assert held.drop_all() == [mine]
    assert held.without([mine, other]) == [mine, other]
