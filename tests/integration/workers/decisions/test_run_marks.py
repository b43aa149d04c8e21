"""A run that only grows is continued from its marks: exactly, and at a bounded cost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from tests.integration.fresh import fresh
from tests.integration.workers.deliveries import as_events, stage
from tests.integration.workers.test_between_commits import take_step
from tests.integration.workers.test_derivation import assert_tables_are_the_oracles
from tests.support.between_commits import steps
from tests.support.worlds import World, worlds
from workers.core.decision import Decision, Tail
from workers.core.decision import decide as decide_by_rules
from workers.core.history import Click
from workers.core.rules import Rules
from workers.decisions import diff, signal_tails
from workers.decisions.derive import derive, rederive
from workers.decisions.run_marks import MARK_SIGNALS
from workers.facts.record import record

AT_MS = now_ms() - 86_400_000


def _marked_often(patch: pytest.MonkeyPatch) -> None:
    """Marks a run after every two signals, and steps back two."""
    patch.setattr(diff, "MARK_SIGNALS", 2)
    patch.setattr(signal_tails, "STEPS_MAX", 2)


def test_from_marks_the_tables_are_the_oracles_through_every_state_between_two_commits(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    _marked_often(monkeypatch)

    @settings(max_examples=60, deadline=None)
    @given(worlds(), st.data())
    def agree(world: World, data: st.DataObject) -> None:
        staged = stage(connection, world)
        for step in data.draw(steps(data.draw(st.permutations(as_events(world, staged))))):
            take_step(connection, step)
        assert_tables_are_the_oracles(connection, world, staged)

    agree()


def _events(count: int, start: int = 0, user: str = "null") -> list[Event]:
    """Events a second apart, every tenth of them an open."""
    return [
        fresh(
            user_id=user,
            event_id="__open" if n % 10 == 0 else "buy",
            kind=Kind.OPEN if n % 10 == 0 else Kind.EVENT,
            event_time_ms=AT_MS + 1000 * n,
        )
        for n in range(start, start + count)
    ]


class _Signals:
    """Notes how many signals each decision reads."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __call__(self, tail: Tail, clicks: tuple[Click, ...], rules: Rules) -> Decision:
        self.read.append(len(tail.signals))
        return decide_by_rules(tail, clicks, rules)


def _sessions(connection: Connection) -> list[tuple[int, int]]:
    rows = connection.execute("SELECT opens, events FROM sessions ORDER BY user_ref, start_time")
    return rows.fetchall()


def test_the_next_event_of_a_user_who_never_pauses_costs_no_more_than_the_last_mark_is_away(
    connection: Connection,
) -> None:
    signals = _Signals()
    for start in range(0, 4_000, 500):
        batch = _events(500, start)
        record(connection, batch)
        derive(connection, batch)
    for number in range(4_000, 4_020):
        batch = _events(1, number)
        record(connection, batch)
        derive(connection, batch, signals)

    assert max(signals.read) <= 2 * MARK_SIGNALS
    assert _sessions(connection) == [(402, 3_618)]


def test_a_late_event_in_a_long_run_is_counted_exactly_and_marks_follow_it(
    connection: Connection,
) -> None:
    events = _events(1_500)
    late = [events.pop(700), events.pop(3)]
    for batch in (events[:900], events[900:], late[:1], late[1:], _events(3, 1_500)):
        record(connection, batch)
        derive(connection, batch)
    marks = connection.execute("SELECT * FROM run_marks ORDER BY at").fetchall()

    assert _sessions(connection) == [(151, 1_352)]
    users = [user for (user,) in connection.execute("SELECT id FROM users").fetchall()]
    rederive(connection, users)
    assert _sessions(connection) == [(151, 1_352)]
    assert len(marks) >= 4
    assert all(row[5] + row[6] > 0 for row in marks)


def test_a_user_whose_runs_are_short_has_no_marks(connection: Connection) -> None:
    batch = _events(MARK_SIGNALS - 1)
    record(connection, batch)
    derive(connection, batch)

    assert connection.execute("SELECT count(*) FROM run_marks").fetchone() == (0,)
