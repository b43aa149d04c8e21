"""A history that is too long for a transaction is decided in windows, and as if at once."""

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.counted import count_all
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench
from tests.integration.workers.decisions.test_outbox_law import expected, found, prepare
from tests.integration.workers.deliveries import as_events, shuffled, stage
from tests.integration.workers.recount import assert_figures_are_those_of_raw_rows
from tests.integration.workers.rollups.staged_worlds import (
    move,
    own_one_link,
    received_in_time,
)
from tests.integration.workers.test_between_commits import take_step
from tests.integration.workers.test_derivation import assert_tables_are_the_oracles
from tests.support.between_commits import steps
from tests.support.oracle import MINUTE_MS
from tests.support.scenarios.scenario import MINE, SEEN, bought, clicked, opened, world
from tests.support.worlds import IPHONE, WINTER, World, worlds
from workers.core.decision import Decision, Tail
from workers.core.decision import decide as decide_by_rules
from workers.core.history import Click
from workers.core.rules import Rules
from workers.decisions import diff, signal_tails
from workers.decisions.decide_due import decide_due
from workers.decisions.derive import derive, rederive
from workers.facts.record import record

AT_MS = now_ms() - 86_400_000
LATE_MS = 50_001
FINISH_SECONDS_MAX = 60
Windows = Callable[[int, int], None]


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    """Sets after how many signals a run is marked and a window ends."""

    def set_sizes(marked: int, window: int) -> None:
        monkeypatch.setattr(diff, "MARK_SIGNALS", marked)
        monkeypatch.setattr(signal_tails, "STEPS_MAX", marked)
        monkeypatch.setattr(signal_tails, "WINDOW_SIGNALS", window)

    return set_sizes


# Three opens of one millisecond, of which the last tells the device: the others are decided by it.
IN_ONE_MILLISECOND = world(
    opened(0),
    opened(0),
    opened(0, device_ids=("d1",)),
    *(clicked(f"c{n}", n * MINUTE_MS, device_ids=("d1",)) for n in range(11)),
    inactivity_ms=0,
)

# The window of the last event finds a new ID, and the decision begins anew: the first window ends
# where it was to go on.
NEW_ID_IN_THE_LAST_WINDOW = world(
    opened(0, click_id="c0", **MINE, **SEEN),
    bought(210 * MINUTE_MS, click_id="c2", device=IPHONE),
    opened(0, **SEEN),
    bought(15 * MINUTE_MS, click_id="c3", **SEEN),
    clicked("c0", -45 * MINUTE_MS, None, **MINE, **SEEN),
    clicked("c1", 75 * MINUTE_MS + 1, None, **MINE, **SEEN),
    clicked("c2", -90 * MINUTE_MS, **MINE, **SEEN),
    clicked("c3", -75 * MINUTE_MS, **MINE, **SEEN),
    clicked("c4", -90 * MINUTE_MS, WINTER, **MINE, **SEEN),
    clicked("c7", -90 * MINUTE_MS, **MINE, **SEEN),
    clicked("c6", -90 * MINUTE_MS, device_ids=("d2",), **SEEN),
    clicked("c5", -90 * MINUTE_MS, WINTER, **MINE, **SEEN),
)


# A device ID that a click without a source carries, and a view without one: it is the ID of one.
WITH_A_VIEW_THAT_LENDS_NOTHING = world(
    opened(0, device_ids=("d1",)),
    clicked("c1", -2 * MINUTE_MS, origin=None, device_ids=("d1",)),
    clicked("c2", -2 * MINUTE_MS, origin=None, device_ids=("d1",), is_view=True),
    clicked("c3", -MINUTE_MS, device_ids=("d1",)),
    users_max=1,
)


def finish(connection: Connection) -> None:
    """Lets one job after the other decide, as workers do, until nothing is left."""
    ends_at = time.monotonic() + FINISH_SECONDS_MAX
    unfinished = "SELECT FROM unfinished_decisions"
    left = f"{unfinished} UNION ALL SELECT FROM due_decisions"
    decided = decide_due(connection, 30)
    assert decided.more or not connection.execute(unfinished).fetchall(), "a job ended too early"
    while connection.execute(left).fetchall():
        assert time.monotonic() < ends_at, "decisions never finish"
        decide_due(connection, 30)


@pytest.mark.parametrize("sizes", [(2, 3), (2, 5)])
def test_in_windows_the_tables_are_the_oracles_through_every_state_between_two_commits(
    connection: Connection, windows: Windows, sizes: tuple[int, int]
) -> None:
    windows(*sizes)

    @settings(max_examples=40, deadline=None)
    @given(worlds(click_users=(0, 0, 1), times=3), st.integers(0, 2**32), st.data())
    def agree(drawn: World, seed: int, data: st.DataObject) -> None:
        random = Random(seed)
        staged = stage(connection, drawn)
        for step in data.draw(steps(data.draw(st.permutations(as_events(drawn, staged))))):
            take_step(connection, step)
            for _ in range(random.choice((0, 0, 1, 2))):
                decide_due(connection, 0)
        finish(connection)
        assert_tables_are_the_oracles(connection, drawn, staged)
        assert connection.execute("SELECT * FROM set_aside_users").fetchall() == []

    agree()


@pytest.mark.parametrize("order", [1, -1])
def test_signals_of_one_millisecond_are_never_separated(
    connection: Connection, windows: Windows, order: int
) -> None:
    windows(2, 3)
    staged = stage(connection, IN_ONE_MILLISECOND)
    for event in as_events(IN_ONE_MILLISECOND, staged)[::order]:
        record(connection, [event])
        derive(connection, [event])

    assert_tables_are_the_oracles(connection, IN_ONE_MILLISECOND, staged)


def test_in_windows_the_outbox_is_the_oracles_in_any_order(bench: Bench, windows: Windows) -> None:
    windows(2, 3)

    @settings(max_examples=25, deadline=None)
    @given(worlds(times=3), st.integers(0, 2**32))
    @example(IN_ONE_MILLISECOND, 0)
    @example(WITH_A_VIEW_THAT_LENDS_NOTHING, 0)
    @example(NEW_ID_IN_THE_LAST_WINDOW, 3)
    def agree(drawn: World, seed: int) -> None:
        random = Random(seed)
        staged = stage(bench.connection, drawn)
        prepare(bench.connection, staged)
        for wave in shuffled(as_events(drawn, staged), random):
            bench.send(*wave)
            bench.drain()
            for _ in range(random.choice((0, 1, 3))):
                decide_due(bench.connection, 0)
        finish(bench.connection)

        assert found(bench.connection, staged) == sorted(expected(drawn), key=str)

    agree()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_in_windows_figures_are_those_of_raw_rows_counted_at_any_time(
    connection: Connection, windows: Windows, zone: str
) -> None:
    windows(2, 3)
    connection.execute("INSERT INTO partners (name) VALUES ('Acme')")

    @settings(max_examples=20, deadline=None)
    @given(worlds(times=3), st.integers(0, 2**32))
    def agree(drawn: World, seed: int) -> None:
        random = Random(seed)
        staged = stage(connection, drawn)
        own_one_link(connection, staged.places["shop"][0])
        for app_id in sorted({app_id for app_id, _ in staged.places.values()}):
            move(connection, app_id, zone)
        events = [received_in_time(event) for event in as_events(drawn, staged)]
        for wave in shuffled(events, random):
            for batch in wave:
                record(connection, batch)
                derive(connection, batch)
                for _ in range(random.choice((0, 1, 3))):
                    decide_due(connection, 0)
                if random.random() < 0.3:
                    count_all(connection)
        decide_due(connection, 30)
        count_all(connection)
        assert_figures_are_those_of_raw_rows(connection)

    agree()


def _event(after_ms: int, **changes: Any) -> Event:
    """An event of one user, who never pauses; every tenth of the usual ones is an open."""
    is_open = after_ms % 1000 == 0
    return fresh(
        user_id="null",
        event_id="__open" if is_open else "buy",
        kind=Kind.OPEN if is_open else Kind.EVENT,
        event_time_ms=AT_MS + after_ms,
        **changes,
    )


def _usual(count: int) -> list[Event]:
    return [_event(100 * n) for n in range(count)]


def _send(connection: Connection, events: Sequence[Event]) -> None:
    record(connection, events)
    derive(connection, events)


class _Windows:
    """Notes how many signals each decision reads."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __call__(self, tail: Tail, clicks: tuple[Click, ...], rules: Rules) -> Decision:
        self.read.append(len(tail.signals))
        return decide_by_rules(tail, clicks, rules)


def _marks(connection: Connection) -> list[Any]:
    return connection.execute("SELECT * FROM run_marks ORDER BY at").fetchall()


def _sessions(connection: Connection) -> list[Any]:
    return connection.execute("SELECT opens, events FROM sessions ORDER BY start_time").fetchall()


LATE: dict[str, Callable[[], Event]] = {
    "an event": lambda: _event(LATE_MS),
    "an open": lambda: _event(50_000),
    "a device ID": lambda: _event(
        LATE_MS, device_ids={"idfv": f"{7:08x}-0-4000-8000-00000000abcd"}
    ),
    "a click": lambda: _click(LATE_MS),
    "what is before everything": lambda: _event(-1_000),
}


def _click(after_ms: int) -> Event:
    receipt = new_receipt(AT_MS + after_ms)
    return fresh(
        kind=Kind.CLICK,
        receipt=receipt,
        click_id=click_id_of(receipt),
        event_time_ms=AT_MS + after_ms,
        user_id="",
        event_id="",
        link_id=1,
        device_ids={"idfv": f"{1:08x}-0000-4000-8000-00000000abcd"},
    )


@pytest.fixture
def long_run(connection: Connection, windows: Windows) -> int:
    """A user with many events in one run, who is known by a device ID; returns their number."""
    windows(16, 64)
    events = _usual(1_000)
    events[0] = _event(0, device_ids={"idfv": f"{1:08x}-0000-4000-8000-00000000abcd"})
    for start in range(0, 1_000, 50):
        _send(connection, events[start : start + 50])
        decide_due(connection, 30)
    [(user,)] = connection.execute("SELECT id FROM users").fetchall()
    return int(user)


@pytest.mark.parametrize("late", LATE)
def test_what_comes_late_is_decided_in_windows_as_if_it_had_come_in_order(
    connection: Connection, long_run: int, late: str
) -> None:
    reads, event = _Windows(), LATE[late]()
    record(connection, [event])
    derive(connection, [event], reads)
    decide_due(connection, 30, reads)
    stands = (_sessions(connection), [row[3:7] for row in _marks(connection)])

    assert max(reads.read) <= 64 + 2 * 16
    assert connection.execute("SELECT * FROM unfinished_decisions").fetchall() == []
    connection.execute("DELETE FROM run_marks")
    rederive(connection, [long_run])
    decide_due(connection, 30)
    assert _sessions(connection) == stands[0]
    told = event.kind is not Kind.CLICK
    [(opens, events)] = _sessions(connection)
    assert opens + events == 1_000 + told


@pytest.mark.usefixtures("long_run")
def test_a_late_event_costs_no_more_than_the_marks_around_it_are_apart(
    connection: Connection,
) -> None:
    reads = _Windows()
    for number in range(20):
        event = _event(LATE_MS + number)
        record(connection, [event])
        derive(connection, [event], reads)

    assert sum(reads.read) <= 20 * (64 + 2 * 16)
    assert connection.execute("SELECT * FROM unfinished_decisions").fetchall() == []
    assert _sessions(connection) == [(100, 920)]
    assert [row[5] + row[6] for row in _marks(connection)][-1] > 1_000


@pytest.mark.usefixtures("long_run")
def test_what_arrives_while_a_long_decision_is_unfinished_is_decided_by_it(
    connection: Connection,
) -> None:
    first = _event(LATE_MS, device_ids={"idfv": f"{7:08x}-0000-4000-8000-00000000abcd"})
    _send(connection, [first])
    assert connection.execute("SELECT count(*) FROM unfinished_decisions").fetchone() == (1,)
    reads, now = _Windows(), _event(100_000)
    record(connection, [now])
    derive(connection, [now], reads)
    assert reads.read == []
    assert _sessions(connection) == [(100, 900)]

    for _ in range(3):
        decide_due(connection, 0)
    _send(connection, [_event(3)])
    assert not decide_due(connection, 30).more

    assert _sessions(connection) == [(101, 902)]
    [(last,)] = connection.execute("SELECT last_activity FROM sessions").fetchall()
    assert int(last.timestamp() * 1000) == AT_MS + 100_000


def test_two_unfinished_decisions_of_a_user_end_behind_where_the_later_one_goes_on(
    connection: Connection, windows: Windows
) -> None:
    """The earlier one changes a session of another run only, and finds its state again before."""
    windows(4, 16)
    other_run_ms = 7_200_000
    for start in range(50, 8_000, 1_000):
        offsets = range(start, start + 1_000, 100)
        _send(connection, [_event(after_ms) for after_ms in offsets])
        _send(connection, [_event(other_run_ms + after_ms) for after_ms in offsets])
    _send(connection, [_event(other_run_ms + 5_000)])
    decide_due(connection, 30)
    assert _sessions(connection) == [(1, 30)]

    _send(connection, [_event(other_run_ms + 2_000)])
    _send(connection, [_event(2_000)])
    assert connection.execute("SELECT count(*) FROM unfinished_decisions").fetchone() == (1,)
    decide_due(connection, 30)

    assert _sessions(connection) == [(1, 60), (2, 60)]


def test_a_decision_that_begins_anew_and_ends_where_it_was_to_go_on_is_finished_at_once(
    connection: Connection, windows: Windows
) -> None:
    windows(2, 3)
    device = {"idfv": f"{1:08x}-0000-4000-8000-00000000abcd"}
    hour_ms = 3_600_000
    _send(connection, [_event(hour_ms * n) for n in range(3)])
    _send(
        connection,
        [
            _event(-1_000),
            _event(3 * hour_ms, device_ids=device),
        ],
    )

    decided = decide_due(connection, 30)

    assert not decided.more
    assert connection.execute("SELECT * FROM unfinished_decisions").fetchall() == []


def test_an_erased_user_leaves_no_unfinished_decision(
    connection: Connection, long_run: int
) -> None:
    rederive(connection, [long_run])
    assert connection.execute("SELECT count(*) FROM unfinished_decisions").fetchone() == (1,)
    connection.execute("UPDATE users SET detached_at = now()")

    assert not decide_due(connection, 30).more

    assert connection.execute("SELECT count(*) FROM unfinished_decisions").fetchone() == (0,)


def test_a_user_who_fails_in_a_later_window_is_set_aside_and_decided_again(
    connection: Connection, long_run: int
) -> None:
    def failing(tail: Tail, clicks: tuple[Click, ...], rules: Rules) -> Decision:
        if tail.signals and tail.signals[0].time_ms > LATE_MS:
            raise ValueError
        return decide_by_rules(tail, clicks, rules)

    event = _event(LATE_MS, device_ids={"idfv": f"{7:08x}-0000-4000-8000-00000000abcd"})
    _send(connection, [event])
    assert not decide_due(connection, 30, failing).more
    assert connection.execute("SELECT count(*) FROM set_aside_users").fetchone() == (1,)

    rederive(connection, [long_run])
    decide_due(connection, 30)

    assert connection.execute("SELECT count(*) FROM set_aside_users").fetchone() == (0,)
    assert _sessions(connection) == [(100, 901)]
