"""The gate: when ingest sheds, and when it takes events again."""

import pytest

from ingest.gate import Gate, Load, LoadLimits, is_too_much
from shared.errors import InboxNotDurable, InboxUnreachable, Overloaded

LIMITS = LoadLimits(backlog_events_max=1000, memory_percent_max=70)
QUIET = Load(0, 0, 0)


@pytest.fixture
def gate() -> Gate:
    gate = Gate(LIMITS)
    gate.durable = True
    gate.note_load(QUIET)
    return gate


@pytest.mark.parametrize(
    ("load", "shed_so_far", "shed"),
    [
        (Load(999, 0, 0), False, False),
        (Load(1000, 0, 0), False, True),
        (Load(850, 0, 0), True, True),
        (Load(849, 0, 0), True, False),
        (Load(0, 699, 1000), False, False),
        (Load(0, 700, 1000), False, True),
        (Load(0, 595, 1000), True, True),
        (Load(0, 594, 1000), True, False),
        (Load(0, 10**12, 0), False, False),  # no limit of memory
        (Load(0, 10**12, 0), True, False),
        (Load(0, 900, 1000), True, True),  # either is enough
        (Load(1000, 0, 1000), False, True),
    ],
)
def test_shedding_begins_at_a_limit_and_ends_well_below_it(
    load: Load, shed_so_far: bool, shed: bool
) -> None:
    assert is_too_much(load, LIMITS, shed_so_far) is shed


def test_a_gate_is_closed_until_redis_has_answered() -> None:
    gate = Gate(LIMITS)

    with pytest.raises(InboxUnreachable):
        gate.require_open()


def test_a_gate_is_open_while_redis_answers_and_has_room(gate: Gate) -> None:
    gate.require_open()


def test_a_gate_is_closed_while_redis_does_not_answer(gate: Gate) -> None:
    gate.note_unreachable()
    with pytest.raises(InboxUnreachable):
        gate.require_open()

    gate.note_load(QUIET)
    gate.require_open()


def test_a_gate_is_closed_while_redis_could_lose_what_it_confirms(gate: Gate) -> None:
    gate.durable = False
    with pytest.raises(InboxNotDurable):
        gate.require_open()


def test_a_gate_is_closed_until_redis_was_found_durable() -> None:
    gate = Gate(LIMITS)
    gate.note_load(QUIET)

    with pytest.raises(InboxNotDurable):
        gate.require_open()


def test_a_backlog_at_its_limit_closes_the_gate_until_most_of_it_is_gone(gate: Gate) -> None:
    gate.note_backlog(1000)
    with pytest.raises(Overloaded):
        gate.require_open()

    gate.note_load(Load(900, 0, 0))
    with pytest.raises(Overloaded):
        gate.require_open()

    gate.note_load(Load(849, 0, 0))
    gate.require_open()


def test_a_gate_around_its_limit_does_not_flutter(gate: Gate) -> None:
    seen = []
    for backlog in (990, 1001, 990, 1001, 990, 840, 990, 1001):
        gate.note_load(Load(backlog, 0, 0))
        seen.append(gate.shedding)

    assert seen == [False, True, True, True, True, False, False, True]


def test_a_flush_does_not_forget_how_full_memory_is(gate: Gate) -> None:
    gate.note_load(Load(0, 900, 1000))

    gate.note_backlog(1)

    assert gate.shedding


def test_a_flush_that_redis_took_does_not_open_a_gate_that_was_lost_meanwhile(gate: Gate) -> None:
    gate.note_unreachable()

    gate.note_backlog(1)

    with pytest.raises(InboxUnreachable):
        gate.require_open()
