import os
import signal

import pytest

from console.launch import STOP_SIGNALS, counted_steps, until_stopped


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_ends_what_runs_and_a_second_one_does_not_break_the_stop(
    number: signal.Signals,
) -> None:
    reached: list[str] = []
    before = signal.getsignal(number)

    with until_stopped():
        try:
            os.kill(os.getpid(), number)
            reached.append("what follows")
        finally:
            os.kill(os.getpid(), number)
            reached.append("the stop")

    assert reached == ["the stop"]
    assert signal.getsignal(number) is before


def test_a_signal_that_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with until_stopped():
            os.kill(os.getpid(), signal.SIGHUP)
            reached = True
    finally:
        signal.signal(signal.SIGHUP, before)

    assert reached


def test_steps_are_counted_until_they_are_taken() -> None:
    before = signal.getsignal(signal.SIGTTIN)
    with counted_steps() as steps:
        for number in (signal.SIGTTIN, signal.SIGTTIN, signal.SIGTTIN, signal.SIGTTOU):
            os.kill(os.getpid(), number)
        assert steps.take() == 2
        assert steps.take() == 0

    assert signal.getsignal(signal.SIGTTIN) is before
