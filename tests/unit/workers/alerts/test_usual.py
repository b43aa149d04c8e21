"""What is out of the ordinary, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.alerts.usual import is_silent_though_usual, is_up

WEEK, NEVER = [True] * 7, [False] * 7


@pytest.mark.parametrize(
    ("was_active", "had_events", "flow", "expected"),
    [
        (WEEK, WEEK, [], True),
        (WEEK, [True] * 4 + [False] * 3, [], True),
        (WEEK, [True] * 3 + [False] * 4, [], False),  # a night, or a weekend's hour
        (WEEK, NEVER, [True] * 12, False),  # every night it is silent
        (NEVER, NEVER, [True] * 12, True),  # the first day of an app
        (NEVER, NEVER, [True] * 11 + [False], False),
        (NEVER, NEVER, [], False),
    ],
)
def test_a_silence_counts_where_there_usually_are_events(
    was_active: list[bool], had_events: list[bool], flow: list[bool], expected: bool
) -> None:
    assert is_silent_though_usual(was_active, had_events, flow) is expected


@pytest.mark.parametrize(
    ("count", "usual", "others", "expected"),
    [
        (19, 0.0, 0, False),
        (20, 0.0, 0, True),
        (20, 7.0, 0, False),
        (21, 7.0, 0, True),
        (20, None, 200, True),
        (20, None, 201, False),
    ],
)
def test_more_than_usual_within_an_hour_counts_from_some_on(
    count: int, usual: float | None, others: int, expected: bool
) -> None:
    assert is_up(count, usual, others) is expected


@given(st.integers(0, 10**6), st.floats(0, 10**5), st.integers(0, 10**6))
def test_what_is_up_stays_up_with_more_of_it(count: int, usual: float, others: int) -> None:
    assert not is_up(count, usual, others) or is_up(count + 1, usual, others)
