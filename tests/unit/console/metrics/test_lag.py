"""Tests the lag: the backlog, the drain rate and the time until it is empty."""

from console.metrics.lag import EMPTY_SECONDS_MAX, Lag, LagWindow
from shared.inbox import Backlog


def test_the_rate_is_what_left_the_inbox_whatever_came_in() -> None:
    window = LagWindow()
    window.add(Backlog(events=1000, oldest_ms=500, accepted=5000), 100.0)

    lag = window.add(Backlog(events=1500, oldest_ms=1500, accepted=6500), 110.0)

    assert lag == Lag(1500, 1.5, drain_rate=100.0, seconds_to_empty=15.0)


def test_an_empty_inbox_is_empty_now() -> None:
    assert LagWindow().add(Backlog(0, 0, 10), 0.0) == Lag(0, 0.0, 0.0, 0.0)


def test_while_nothing_leaves_it_takes_the_longest_that_is_told() -> None:
    window = LagWindow()
    window.add(Backlog(10, 0, 10), 0.0)

    assert window.add(Backlog(20, 1000, 20), 1.0).seconds_to_empty == EMPTY_SECONDS_MAX
    assert window.add(Backlog(10**9, 1000, 10**9 + 1), 2.0).seconds_to_empty == EMPTY_SECONDS_MAX


def test_what_is_older_than_the_window_does_not_count() -> None:
    window = LagWindow()
    for second in range(100):
        drained = 1000 if second >= 50 else 0
        lag = window.add(Backlog(10, 0, 10 + drained), float(second))

    assert lag.drain_rate == 0.0


def test_a_redis_that_lost_its_data_begins_a_new_window() -> None:
    window = LagWindow()
    window.add(Backlog(10, 0, 1_000_000), 0.0)

    assert window.add(Backlog(5, 0, 5), 1.0).drain_rate == 0.0
    assert window.add(Backlog(3, 0, 7), 2.0).drain_rate == 4.0


def test_over_how_long_the_rate_was_seen_is_known() -> None:
    window = LagWindow()
    assert window.span_seconds == 0
    window.add(Backlog(0, 0, 10), 5.0)
    assert window.span_seconds == 0

    window.add(Backlog(0, 0, 20), 7.5)

    assert window.span_seconds == 2.5
