import os
import signal

import pytest

from console.launch import STOP_SIGNALS, until_stopped


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
