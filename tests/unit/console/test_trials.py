"""Tests that trials of receivers cannot hold all threads of a console."""

from contextlib import ExitStack

import pytest

from console.trials import TRIALS_AT_ONCE_MAX, one_trial
from console.web.app import THREADS
from shared.errors import OperatorError


def test_few_trials_are_sent_at_once_and_most_threads_are_left_for_pages() -> None:
    assert TRIALS_AT_ONCE_MAX < THREADS / 2
    with ExitStack() as held:
        for _ in range(TRIALS_AT_ONCE_MAX):
            held.enter_context(one_trial())
        with pytest.raises(OperatorError, match="at once"), one_trial():
            pass


def test_a_trial_that_fails_makes_room_for_the_next() -> None:
    for _ in range(TRIALS_AT_ONCE_MAX + 1):
        with pytest.raises(ZeroDivisionError), one_trial():
            raise ZeroDivisionError
