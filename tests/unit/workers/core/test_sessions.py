"""Sessions: the cases of the design, and the laws that hold for any history."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.workers.core.build import NOON_MS, ad_revenue, event, opened
from tests.unit.workers.core.strategies import signal_lists
from workers.core.history import Moment, Signal, SignalKind, in_order
from workers.core.rules import MINUTE_MS
from workers.core.sessions import Session, marks_of, runs, session_at, sessionize

TIMEOUT_MS = 30 * MINUTE_MS
SHORT_MS = 5

law = settings(max_examples=200, deadline=None)


def minutes(*signals: Signal) -> tuple[tuple[int, int, int, int], ...]:
    """Each session as (start, last activity, opens, events), times in minutes."""
    return tuple(
        (
            session.start.time_ms // MINUTE_MS,
            session.last_activity_ms // MINUTE_MS,
            session.opens,
            session.events,
        )
        for session in sessionize(signals, TIMEOUT_MS)
    )


def at(minute: int) -> int:
    return minute * MINUTE_MS


def test_no_signals_make_no_session() -> None:
    assert minutes() == ()


def test_an_open_alone_is_a_session_of_no_length() -> None:
    assert minutes(opened(at(5))) == ((5, 5, 1, 0),)


def test_a_renewal_at_night_makes_nobody_active() -> None:
    assert minutes(event(at(0)), ad_revenue(at(1))) == ()


def test_events_and_ad_revenue_extend_a_running_session() -> None:
    assert minutes(opened(at(0)), event(at(20)), ad_revenue(at(40))) == ((0, 40, 1, 2),)


def test_an_open_in_a_running_session_starts_no_other() -> None:
    assert minutes(opened(at(0)), opened(at(29))) == ((0, 29, 2, 0),)


def test_a_gap_of_exactly_the_timeout_starts_a_new_session() -> None:
    first, edge = opened(NOON_MS), NOON_MS + TIMEOUT_MS

    assert len(sessionize([first, opened(edge - 1)], TIMEOUT_MS)) == 1
    assert len(sessionize([first, opened(edge)], TIMEOUT_MS)) == 2


def test_an_event_after_a_gap_of_exactly_the_timeout_belongs_to_no_session() -> None:
    assert minutes(opened(at(0)), event(at(30)), event(at(40))) == ((0, 0, 1, 0),)


def test_an_open_comes_first_in_its_millisecond_whatever_the_receipts() -> None:
    before, after = event(at(0), "1-event"), event(at(0), "3-event")

    assert minutes(before, opened(at(0), "2-open"), after) == ((0, 0, 1, 2),)


def test_a_late_event_can_join_two_sessions_across_short_gaps() -> None:
    on_time = [opened(at(0)), event(at(50)), event(at(75)), opened(at(100)), event(at(125))]

    assert minutes(*on_time) == ((0, 0, 1, 0), (100, 125, 1, 1))
    assert minutes(*on_time, event(at(25))) == ((0, 125, 2, 4),)


def test_a_late_open_makes_an_earlier_start() -> None:
    assert minutes(opened(at(20))) == ((20, 20, 1, 0),)
    assert minutes(opened(at(20)), opened(at(0))) == ((0, 20, 2, 0),)


def test_a_session_is_known_by_the_moment_of_its_first_open() -> None:
    (session,) = sessionize([opened(at(9), "later"), opened(at(3), "sooner")], TIMEOUT_MS)

    assert session.start == Moment(at(3), "sooner")


@pytest.mark.parametrize(
    ("minute", "start"),
    [
        pytest.param(-1, None, id="before any session"),
        pytest.param(0, 0, id="at the start"),
        pytest.param(10, 0, id="at the last activity"),
        pytest.param(11, None, id="after the last activity"),
        pytest.param(60, 60, id="in the second"),
    ],
)
def test_a_moment_is_in_the_session_that_covers_it(minute: int, start: int | None) -> None:
    sessions = sessionize([opened(at(0), "a"), event(at(10), "b"), opened(at(60), "c")], TIMEOUT_MS)

    found = session_at(sessions, Moment(at(minute), "zzz"))

    assert (found and found.start.time_ms) == (None if start is None else at(start))


def test_runs_are_cut_at_gaps_of_the_timeout() -> None:
    signals = [event(at(0)), opened(at(29)), event(at(59)), event(at(60))]

    assert [len(run) for run in runs(signals, TIMEOUT_MS)] == [2, 2]


@law
@given(signal_lists, st.randoms(use_true_random=False))
def test_arrival_order_and_repetition_change_nothing(signals: list[Signal], random: Random) -> None:
    again = [*signals, *signals[::2]]
    random.shuffle(again)

    assert sessionize(again, SHORT_MS) == sessionize(signals, SHORT_MS)


@law
@given(signal_lists)
def test_every_open_is_in_exactly_one_session(signals: list[Signal]) -> None:
    sessions = sessionize(signals, SHORT_MS)
    homes = [session_at(sessions, signal.moment) for signal in signals]

    for session in sessions:
        inside = [s.kind for s, home in zip(signals, homes, strict=True) if home == session]
        assert inside.count(SignalKind.OPEN) == session.opens
        assert len(inside) == session.opens + session.events
    assert sum(session.opens for session in sessions) == sum(
        signal.kind is SignalKind.OPEN for signal in signals
    )


@law
@given(signal_lists)
def test_two_sessions_are_at_least_the_timeout_apart(signals: list[Signal]) -> None:
    sessions = sessionize(signals, SHORT_MS)

    for before, after in pairwise(sessions):
        assert after.start.time_ms - before.last_activity_ms >= SHORT_MS


@law
@given(signal_lists)
def test_only_opens_start_sessions_and_an_event_never_adds_one(signals: list[Signal]) -> None:
    opens = [signal for signal in signals if signal.kind is SignalKind.OPEN]
    sessions = sessionize(signals, SHORT_MS)

    assert {session.start for session in sessions} <= {signal.moment for signal in opens}
    assert len(sessions) <= len(sessionize(opens, SHORT_MS))


@law
@given(signal_lists)
def test_the_sessions_of_a_history_are_those_of_its_runs(signals: list[Signal]) -> None:
    by_run = [sessionize(run, SHORT_MS) for run in runs(signals, SHORT_MS)]

    assert sessionize(signals, SHORT_MS) == tuple(session for run in by_run for session in run)


@law
@given(signal_lists, st.integers(0, 10))
def test_sessions_go_on_from_any_moment(signals: list[Signal], cut: int) -> None:
    ordered = in_order(signals)
    before = sessionize(ordered[:cut], SHORT_MS)

    after = sessionize(ordered[cut:], SHORT_MS, before[-1] if before else None)

    assert (*before[:-1], *after) == sessionize(signals, SHORT_MS)


@law
@given(signal_lists, st.integers(0, 10))
def test_redoing_the_run_around_each_new_signal_redoes_enough(
    signals: list[Signal], old_count: int
) -> None:
    new = set(signals[old_count:])
    stored = set(sessionize(signals[:old_count], SHORT_MS))

    for run in runs(signals, SHORT_MS):
        if new.intersection(run):
            stored -= {session for session in stored if _starts_in(session, run)}
            stored |= set(sessionize(run, SHORT_MS))

    assert stored == set(sessionize(signals, SHORT_MS))


def _starts_in(session: Session, run: tuple[Signal, ...]) -> bool:
    return run[0].time_ms <= session.start.time_ms <= run[-1].time_ms


@given(signal_lists, st.integers(1, 4), st.integers(1, 30))
def test_sessions_are_continued_from_any_mark(
    told: list[Signal], signals_each: int, timeout_ms: int
) -> None:
    whole = sessionize(told, timeout_ms)

    for mark in marks_of(told, timeout_ms, None, signals_each):
        before = [signal for signal in told if signal.time_ms < mark.time_ms]
        rest = [signal for signal in told if signal.time_ms >= mark.time_ms]
        done = sessionize(before, timeout_ms)
        assert done[-1:] == ((mark.session,) if mark.session else ())
        assert (*done[:-1], *sessionize(rest, timeout_ms, mark.session)) == whole


@given(signal_lists, st.integers(1, 4))
def test_before_a_mark_there_are_as_many_signals_as_it_says_or_more(
    told: list[Signal], signals_each: int
) -> None:
    starts_ms = [0, *(mark.time_ms for mark in marks_of(told, 10, None, signals_each))]

    for from_ms, to_ms in pairwise(starts_ms):
        between = {each.receipt for each in told if from_ms <= each.time_ms < to_ms}
        assert len(between) >= signals_each
