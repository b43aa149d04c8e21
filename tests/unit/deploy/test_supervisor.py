"""Tests when the next start is due, and how an end is described."""

from itertools import accumulate, repeat

import pytest

from deploy.supervisor import STEADY_SECONDS, exit_text, next_delay


def test_a_child_that_keeps_dying_is_started_less_and_less_often() -> None:
    delays = list(accumulate(repeat(0.1, 8), next_delay, initial=0.0))[1:]
    assert delays == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0]


def test_a_child_that_ran_well_is_started_again_at_once() -> None:
    assert next_delay(3.0, STEADY_SECONDS) == 0.5
    assert next_delay(3.0, STEADY_SECONDS - 0.1) == 3.0


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "exited with status 0"),
        (3, "exited with status 3"),
        (-9, "was killed by SIGKILL"),
        (-50, "was killed by signal 50"),
    ],
)
def test_an_end_is_told_in_plain_words(status: int, words: str) -> None:
    assert exit_text(status) == words
